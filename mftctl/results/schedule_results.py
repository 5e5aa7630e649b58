"""What the commands of schedules return, and the text of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..console.output import Time
from ..console.text import columns, local_time
from .deployment_results import Schedule


@dataclass(frozen=True, kw_only=True)
class ScheduleState(Schedule):
    """The schedule of a deployment, and its state."""

    deployment: str
    flow: str
    paused: bool
    reason: str | None
    """Why it is paused."""
    next_run: Time | None
    """When the next run is due; null when it is paused."""
    last_run: str | None
    """The id of the last run that it started."""


@dataclass(frozen=True, kw_only=True)
class StartedRun:
    """A run that the schedule has started."""

    run_id: str
    due: Time
    started: Time


@dataclass(frozen=True, kw_only=True)
class Description(ScheduleState):
    """The schedule of a deployment, and its runs."""

    next_runs: tuple[Time, ...]
    """When the next runs are due."""
    recent_runs: tuple[StartedRun, ...]
    """The last runs that it started, the oldest first."""
    running: tuple[str, ...]
    """Ids of its runs that are running."""
    waiting: int
    """Runs that start when the one that is running ends."""
    skipped: int
    """Runs that were skipped because another one was running."""
    missed: int
    """Runs that were missed and are not made up for."""


@dataclass(frozen=True, kw_only=True)
class Paused:
    """Whether a schedule is paused."""

    deployment: str
    paused: bool
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Triggered:
    """A run that was started as if it were due."""

    deployment: str
    flow: str
    run_id: str | None
    """null where the run starts when the one that is running ends."""


@dataclass(frozen=True, kw_only=True)
class BackfilledRun:
    """A run of a time in the past."""

    due: Time
    run_id: str
    new: bool
    """Whether this command starts it."""


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """The runs of a period in the past."""

    deployment: str
    start: Time
    end: Time
    dry_run: bool
    started: int
    """How many runs are started, or would be."""
    runs: tuple[BackfilledRun, ...]


@dataclass(frozen=True, kw_only=True)
class DueTime:
    """A time at which the schedule is due."""

    deployment: str
    due: Time


def table(found: Sequence[ScheduleState]) -> str:
    """A line for each schedule, under a head."""
    head = ("DEPLOYMENT", "CRON", "ZONE", "NEXT", "LAST RUN", "REASON")
    return columns([head, *map(_row, found)]) if found else ""


def page(found: Description) -> str:
    """A schedule for people."""
    rows = [
        ("deployment", found.deployment),
        ("schedule", f"{found.cron} ({found.timezone or 'UTC'})"),
        ("state", f"paused: {found.reason or 'no reason given'}" if found.paused else "not paused"),
        *(("next run", local_time(at)) for at in found.next_runs[:3]),
        ("overlap", found.overlap),
        ("catchup window", f"{found.catchup_window:g} s"),
        ("pause on failure", "yes" if found.pause_on_failure else "no"),
        ("skipped, missed", f"{found.skipped}, {found.missed}"),
        *(("running", one) for one in found.running),
    ]
    if found.waiting:
        rows.append(("waiting", str(found.waiting)))
    rows += [("started", f"{one.run_id}, due {one.due}") for one in reversed(found.recent_runs)]
    return columns(rows)


def runs_table(found: Backfill) -> str:
    """A line for each run of a backfill."""
    return columns([(one.due, one.run_id, "" if one.new else "exists") for one in found.runs])


def _row(found: ScheduleState) -> tuple[str, ...]:
    due = "" if found.next_run is None else local_time(found.next_run)
    return (
        found.deployment,
        found.cron,
        found.timezone or "UTC",
        "paused" if found.paused else due,
        found.last_run or "",
        found.reason or "",
    )
