"""`mftctl schedule …`: when deployments start runs by themselves, and when they do not."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Literal

from ..model.errors import Exit, MftctlError
from . import scheduled
from .looking import all_deployments, unserved
from .options import FLAG, Limited, Output
from .output import Result
from .text import columns, iso, local_time, parse_time_in

if TYPE_CHECKING:
    from temporalio.client import Client

    from ..control.deployments import Deployment


Overlap = Literal["skip", "buffer-one", "buffer-all", "cancel-other", "allow-all"]


def list_(
    *,
    connection: Limited = Limited(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """List the deployments that have a schedule: when they are due next, or why they are paused."""

    async def listed() -> "list[Deployment]":
        from .session import open_client

        client = await open_client(connection, connection.settings())
        return [one for one in await all_deployments(client) if one.manifest.schedule is not None]

    found = connection.run(listed())
    text = columns([scheduled.HEAD, *map(scheduled.line, found)]) if found else ""
    notes = () if found else ("no deployment has a schedule",)
    return Result([scheduled.plain(one) for one in found], text, [one.name for one in found], notes)


def describe(
    name: str,
    /,
    *,
    connection: Limited = Limited(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Show a deployment's schedule, the next times, and the runs that it has started last.

    Parameters
    ----------
    name
        The deployment, or its last part where that is unambiguous.
    """

    async def shown_(client: "Client", found: "Deployment") -> Result:
        data = {**scheduled.plain(found), **scheduled.more(found)}
        return Result(data, scheduled.page(found), found.name, await _served(client, found))

    return _with_schedule(name, connection, shown_)


def pause(
    name: str,
    /,
    *,
    reason: str | None = None,
    strict: Annotated[bool, FLAG] = False,
    authorize: str | None = None,
    connection: Limited = Limited(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Let a schedule start no more runs; those that go on, go on. New versions stay paused.

    Parameters
    ----------
    name
        The deployment, or its last part where that is unambiguous.
    reason
        Why, for whoever looks at it later.
    strict
        Exit code 6 when it is paused already, whose reason stays either way.
    authorize
        The production token, where somebody else has deployed it.
    """

    async def paused(client: "Client", found: "Deployment") -> Result:
        from ..control import schedules

        note = reason or f"paused by {_steered_by(found, authorize)}"
        if await schedules.pause(client, found, note):
            told = (f"{found.name} is paused: {note}",)
        else:
            note = found.reason or ""
            told = (_already(found, f"is paused already: {note}", strict),)
        return Result({"deployment": found.name, "paused": True, "reason": note}, "", found.name, told)

    return _with_schedule(name, connection, paused)


def unpause(
    name: str,
    /,
    *,
    strict: Annotated[bool, FLAG] = False,
    authorize: str | None = None,
    connection: Limited = Limited(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Let a paused schedule start runs again, from the next time on.

    Parameters
    ----------
    name
        The deployment, or its last part where that is unambiguous.
    strict
        Exit code 6 when it is not paused.
    authorize
        The production token, where somebody else has deployed it.
    """

    async def unpaused(client: "Client", found: "Deployment") -> Result:
        from ..control import schedules

        if await schedules.unpause(client, found, f"unpaused by {_steered_by(found, authorize)}"):
            told = f"{found.name} is not paused any more"
        else:
            told = _already(found, "was not paused", strict)
        due = found.schedule.info.next_action_times
        notes = (told, *((f"the next run is due {local_time(due[0])}",) if due else ()))
        data = {"deployment": found.name, "paused": False, "reason": None}
        return Result(data, "", found.name, notes)

    return _with_schedule(name, connection, unpaused)


def trigger(
    name: str,
    /,
    *,
    connection: Limited = Limited(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Start a run as if it were due now, also when the schedule is paused, and say its run id.

    What holds for runs that overlap holds for it: exit code 6 where it is left out because another goes on.
    `mftctl trigger` starts runs beside others, and takes parameters.

    Parameters
    ----------
    name
        The deployment, or its last part where that is unambiguous.
    """

    async def triggered(client: "Client", found: "Deployment") -> Result:
        from ..control import schedules

        run_id = await schedules.trigger(client, found)
        notes = await _served(client, found)
        if run_id is None:
            notes = (*notes, "the run starts when the one that goes on has ended")
        data = {"deployment": found.name, "flow": found.manifest.flow, "run_id": run_id}
        return Result(data, run_id or "", run_id or "", notes)

    return _with_schedule(name, connection, triggered)


def backfill(
    name: str,
    /,
    *,
    start: str,
    end: str,
    overlap: Overlap = "buffer-all",
    dry_run: Annotated[bool, FLAG] = False,
    connection: Limited = Limited(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Start a run for each time in the past at which the schedule was due, and that has none.

    Doing it twice starts no run twice. Each run knows the time that it stands for (MFTCTL_SCHEDULED_TIME).

    Parameters
    ----------
    name
        The deployment, or its last part where that is unambiguous.
    start
        From this time on: 2026-01-31, 2026-01-31T06:00 or with a zone; without one, in the schedule's.
    end
        Up to this time, which belongs to it; of a date, the whole day.
    overlap
        buffer-all (default): one run after another; allow-all: all at once; or skip, buffer-one, cancel-other.
    dry_run
        Only say which runs would be started.
    """

    async def filled(client: "Client", found: "Deployment") -> Result:
        from ..control import schedules

        zone = found.manifest.schedule.timezone if found.manifest.schedule else None
        first = parse_time_in(start, zone, "--start")
        last = parse_time_in(end, zone, "--end", end=True)
        if last < first:
            raise MftctlError("--end is before --start", exit=Exit.USAGE, code="usage", hint="swap them")
        times = await schedules.times_between(client, found, first, last)
        if not dry_run:
            await schedules.backfill(client, found, times, overlap)
        new = [one for one in times if not one.exists]
        kept = len(times) - len(new)
        told = f"{len(new)} runs of {found.name} {'would be' if dry_run else 'are'} started"
        notes = (told + (f"; {kept} are there already" if kept else ""), *await _served(client, found))
        data = {
            "deployment": found.name,
            "start": iso(first),
            "end": iso(last),
            "dry_run": dry_run,
            "started": len(new),
            "runs": [{"due": iso(one.at), "run_id": one.run_id, "new": not one.exists} for one in times],
        }
        lines = [(iso(one.at), one.run_id, "" if not one.exists else "there already") for one in times]
        return Result(data, columns(lines) if lines else "", [one.run_id for one in new], notes)

    return _with_schedule(name, connection, filled)


def next_(
    name: str,
    /,
    *,
    count: Annotated[int, scheduled.COUNT] = 5,
    connection: Limited = Limited(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Say when a schedule is due next, paused or not.

    Parameters
    ----------
    name
        The deployment, or its last part where that is unambiguous.
    count
        How many times, at most 1000 (default: 5).
    """
    if not 1 <= count <= 1000:
        raise MftctlError(
            f"-n: {count} is not one of 1 to 1000", exit=Exit.USAGE, code="usage", hint="leave it out for 5"
        )

    async def told(client: "Client", found: "Deployment") -> Result:
        from ..control import schedules

        times = [iso(at) for at in await schedules.upcoming(client, found, count)]
        notes = (f"{found.name} is paused: {found.reason}",) if found.paused else ()
        rows = [{"deployment": found.name, "due": at} for at in times]
        return Result(rows, "\n".join(times), times, notes or (() if times else ("it is due no more",)))

    return _with_schedule(name, connection, told)


def _steered_by(found: "Deployment", token: str | None) -> str:
    """Who steers it, for the note; MftctlError with exit code 6 for somebody who may not."""
    from ..control import tokens

    user = tokens.username()
    tokens.authorize(found.manifest, user, token)
    return user or "somebody"


def _with_schedule(
    name: str, connection: Limited, doing: "Callable[[Client, Deployment], Awaitable[Result]]"
) -> Result:
    """Do it with a deployment that has a schedule."""

    async def done() -> Result:
        from ..control import deployments, schedules
        from .session import open_client

        client = await open_client(connection, connection.settings())
        return await doing(client, schedules.require_schedule(await deployments.find(client, name)))

    return connection.run(done())


async def _served(client: "Client", found: "Deployment") -> tuple[str, ...]:
    from ..control.pollers import has_worker

    return () if await has_worker(client, found.manifest.task_queue) else (unserved(found.name),)


def _already(found: "Deployment", how: str, strict: bool) -> str:
    """What to say of a state that it was in before; exit code 6 for those who want to know."""
    if strict:
        raise MftctlError(f"{found.name} {how}", exit=Exit.CONFLICT, code="schedule.unchanged")
    return f"{found.name} {how}"
