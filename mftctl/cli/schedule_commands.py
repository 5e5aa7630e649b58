"""`mftctl schedule`: the commands."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..console.output import Result
from ..model.overlap import BackfillOverlap
from ..operations.command_options import FLAG, Authorize, DeploymentName, Limited

if TYPE_CHECKING:
    from ..results import schedule_results


def list_(*, options: Limited = Limited()) -> Result["list[schedule_results.ScheduleState]"]:
    """List deployments that have a schedule: when the next run is due, or why the schedule is paused."""
    from ..operations import schedule_operations

    return options.run(schedule_operations.list_(options))


def describe(
    name: DeploymentName, /, *, options: Limited = Limited()
) -> Result["schedule_results.Description"]:
    """Show a deployment's schedule, the next times, and the last runs that it started."""
    from ..operations import schedule_operations

    return options.run(schedule_operations.describe(options, name))


def pause(
    name: DeploymentName,
    /,
    *,
    reason: str | None = None,
    strict: Annotated[bool, FLAG] = False,
    authorize: Authorize = None,
    options: Limited = Limited(),
) -> Result["schedule_results.Paused"]:
    """Pause a schedule: it starts no more runs. Runs in progress continue. New versions stay paused.

    Parameters
    ----------
    reason
        Why, for whoever reads it later.
    strict
        Exit with code 6 when it is already paused; its reason stays either way.
    """
    from ..operations import schedule_operations

    return options.run(schedule_operations.pause(options, name, reason, authorize, strict=strict))


def unpause(
    name: DeploymentName,
    /,
    *,
    strict: Annotated[bool, FLAG] = False,
    authorize: Authorize = None,
    options: Limited = Limited(),
) -> Result["schedule_results.Paused"]:
    """Unpause a schedule: it starts runs again, from the next time on.

    Parameters
    ----------
    strict
        Exit with code 6 when it is not paused.
    """
    from ..operations import schedule_operations

    return options.run(schedule_operations.unpause(options, name, authorize, strict=strict))


def trigger(name: DeploymentName, /, *, options: Limited = Limited()) -> Result["schedule_results.Triggered"]:
    """Start a run as if it were due now, even when the schedule is paused, and print its run id.

    The overlap policy applies: exit code 6 where it skips the run because another one is running. `mftctl trigger`
    starts runs beside others, and takes parameters.
    """
    from ..operations import schedule_operations

    return options.run(schedule_operations.trigger(options, name))


def backfill(
    name: DeploymentName,
    /,
    *,
    start: str,
    end: str,
    overlap: BackfillOverlap = "buffer-all",
    dry_run: Annotated[bool, FLAG] = False,
    options: Limited = Limited(),
) -> Result["schedule_results.Backfill"]:
    """Start a run for each time in the past at which the schedule was due and that has no run.

    A second backfill starts no run twice. Each run gets the time that it stands for in MFTCTL_SCHEDULED_TIME.

    Parameters
    ----------
    start
        From this time on: 2026-01-31, 2026-01-31T06:00 or with a zone; without one, in the schedule's.
    end
        Up to and including this time; of a date, the whole day.
    overlap
        buffer-all (default): one run after another; allow-all: all at once; or skip, buffer-one, cancel-other.
    dry_run
        List the runs without starting them.
    """
    from ..operations import schedule_operations

    return options.run(schedule_operations.backfill(options, name, (start, end), overlap, dry_run=dry_run))


def next_(
    name: DeploymentName,
    /,
    *,
    count: Annotated[int, Parameter(name=["-n", "--count"])] = 5,
    options: Limited = Limited(),
) -> Result["list[schedule_results.DueTime]"]:
    """Show the next times at which a schedule is due, paused or not.

    Parameters
    ----------
    count
        How many times, at most 1000 (default: 5).
    """
    from ..operations import schedule_operations

    return options.run(schedule_operations.next_(options, name, count))
