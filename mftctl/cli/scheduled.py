"""How a schedule is shown: as JSON values, in a line, and on a page."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter

from .deployed import when
from .text import columns, iso, local_time

if TYPE_CHECKING:
    from ..control.deployments import Deployment
    from ..model.manifest import Schedule

#: `-n`, as `head` and `git log` have it.
COUNT = Parameter(name=["-n", "--count"])
HEAD = ("DEPLOYMENT", "CRON", "ZONE", "NEXT", "LAST RUN", "REASON")


def plain(found: Deployment) -> dict[str, Any]:
    """A schedule as JSON values, as lists have it."""
    recent, due = found.recent, found.schedule.info.next_action_times
    return {
        "deployment": found.name,
        "flow": found.manifest.flow,
        **asdict(_schedule(found)),
        "paused": found.paused,
        "reason": found.reason,
        "next_run": iso(due[0]) if due and not found.paused else None,
        "last_run": recent[-1].run_id if recent else None,
    }


def more(found: Deployment) -> dict[str, Any]:
    """What a description has besides."""
    info = found.schedule.info
    return {
        "next_runs": [] if found.paused else [iso(at) for at in info.next_action_times],
        "recent_runs": [
            {"run_id": one.run_id, "due": iso(one.due), "started": iso(one.started)} for one in found.recent
        ],
        "running": found.running,
        "waiting": found.schedule.raw_description.info.buffer_size,
        "skipped": info.num_actions_skipped_overlap,
        "missed": info.num_actions_missed_catchup_window,
    }


def line(found: Deployment) -> tuple[str, ...]:
    """A schedule as a row under ``HEAD``."""
    schedule, told = _schedule(found), plain(found)
    return (
        found.name,
        schedule.cron,
        schedule.timezone or "UTC",
        when(found),
        told["last_run"] or "",
        found.reason or "",
    )


def page(found: Deployment) -> str:
    """A schedule for people."""
    schedule, told = _schedule(found), more(found)
    rows = [
        ("deployment", found.name),
        ("schedule", f"{schedule.cron} ({schedule.timezone or 'UTC'})"),
        ("state", f"paused: {found.reason or 'no reason given'}" if found.paused else "not paused"),
    ]
    rows += [
        ("next run", local_time(at)) for at in found.schedule.info.next_action_times if not found.paused
    ][:3]
    rows += [
        ("overlap", schedule.overlap),
        ("catchup window", f"{schedule.catchup_window:g} s"),
        ("pause on failure", "yes" if schedule.pause_on_failure else "no"),
        ("skipped, missed", f"{told['skipped']}, {told['missed']}"),
    ]
    rows += [("running", one) for one in told["running"]]
    if told["waiting"]:
        rows.append(("waiting", str(told["waiting"])))
    rows += [("started", f"{one['run_id']}, due {one['due']}") for one in reversed(told["recent_runs"])]
    return columns(rows)


def _schedule(found: Deployment) -> Schedule:
    schedule = found.manifest.schedule
    assert schedule is not None  # what is shown here has one
    return schedule
