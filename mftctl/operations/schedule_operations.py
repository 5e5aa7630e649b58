"""What the commands of schedules do."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from temporalio.client import Client

from ..console.output import Result
from ..console.text import iso, local_time, parse_time_in
from ..control import deployments, schedules, tokens
from ..model.errors import ConflictError, UsageError
from ..results.schedule_results import (
    Backfill,
    BackfilledRun,
    Description,
    DueTime,
    Paused,
    ScheduleState,
    StartedRun,
    Triggered,
    page,
    runs_table,
    table,
)
from .command_options import Limited
from .missing_workers import look_for_workers
from .open_client import open_client
from .selection import all_deployments


async def list_(connection: Limited) -> Result[list[ScheduleState]]:
    """The deployments that have a schedule."""
    client = await open_client(connection, connection.settings())
    found = [_state(one) for one in await all_deployments(client) if one.manifest.schedule is not None]
    notes = () if found else ("no deployment has a schedule",)
    return Result(found, table(found), [one.deployment for one in found], notes)


async def describe(connection: Limited, name: str) -> Result[Description]:
    """A schedule and its runs."""
    client, found = await _find(connection, name)
    description = _description(found)
    return Result(
        description, page(description), found.name, (await look_for_workers(client, found.manifest)).warnings
    )


async def pause(
    connection: Limited, name: str, reason: str | None, token: str | None, *, strict: bool
) -> Result[Paused]:
    """Pause a schedule; one that is paused keeps its reason."""
    client, found = await _find(connection, name)
    reason = reason or f"paused by {_authorized_user(found, token)}"
    if await schedules.set_paused(client, found, reason, paused=True):
        note = f"{found.name} is paused: {reason}"
    else:
        reason = found.reason or ""
        note = _unchanged(found, f"is already paused: {reason}", strict=strict)
    return Result(Paused(deployment=found.name, paused=True, reason=reason), "", found.name, (note,))


async def unpause(connection: Limited, name: str, token: str | None, *, strict: bool) -> Result[Paused]:
    """Unpause a schedule."""
    client, found = await _find(connection, name)
    reason = f"unpaused by {_authorized_user(found, token)}"
    if await schedules.set_paused(client, found, reason, paused=False):
        note = f"{found.name} is no longer paused"
    else:
        note = _unchanged(found, "was not paused", strict=strict)
    due = found.schedule.info.next_action_times
    notes = (note, *((f"the next run is due {local_time(due[0])}",) if due else ()))
    return Result(Paused(deployment=found.name, paused=False, reason=None), "", found.name, notes)


async def trigger(connection: Limited, name: str) -> Result[Triggered]:
    """Start a run now, under the schedule's overlap policy."""
    client, found = await _find(connection, name)
    run_id = await schedules.trigger(client, found)
    notes = (await look_for_workers(client, found.manifest)).warnings
    if run_id is None:
        notes = (*notes, "the run starts when the one that is running ends")
    triggered = Triggered(deployment=found.name, flow=found.manifest.flow, run_id=run_id)
    return Result(triggered, run_id or "", run_id or "", notes)


async def backfill(
    connection: Limited, name: str, period: tuple[str, str], overlap: str, *, dry_run: bool
) -> Result[Backfill]:
    """Start the runs of a period that do not exist yet."""
    client, found = await _find(connection, name)
    zone = found.manifest.schedule.timezone if found.manifest.schedule else None
    start = parse_time_in(period[0], zone, "--start")
    end = parse_time_in(period[1], zone, "--end", end=True)
    if end < start:
        raise UsageError("--end is before --start", hint="swap them")
    now = datetime.now(UTC)
    if start > now:
        raise UsageError(
            f"--start: {period[0]} has not come yet", hint="a backfill is of times that are past"
        )
    times = await schedules.times_between(client, found, start, min(end, now.astimezone(end.tzinfo)))
    if not dry_run:
        await schedules.backfill(client, found, times, overlap)
    new = [one.run_id for one in times if not one.exists]
    result = Backfill(
        deployment=found.name,
        start=iso(start),
        end=iso(end),
        dry_run=dry_run,
        started=len(new),
        runs=tuple(BackfilledRun(due=iso(one.at), run_id=one.run_id, new=not one.exists) for one in times),
    )
    note = f"{len(new)} runs of {found.name} {'would be' if dry_run else 'are'} started"
    if kept := len(times) - len(new):
        note += f"; {kept} exist already"
    return Result(
        result, runs_table(result), new, (note, *(await look_for_workers(client, found.manifest)).warnings)
    )


async def next_(connection: Limited, name: str, count: int) -> Result[list[DueTime]]:
    """The next times of a schedule."""
    if not 1 <= count <= 1000:
        raise UsageError(f"-n: {count} is not one of 1 to 1000", hint="leave it out for 5")
    client, found = await _find(connection, name)
    times = [iso(at) for at in await schedules.upcoming(client, found, count)]
    notes = (f"{found.name} is paused: {found.reason}",) if found.paused else ()
    rows = [DueTime(deployment=found.name, due=at) for at in times]
    return Result(rows, "\n".join(times), times, notes or (() if times else ("it is not due any more",)))


async def _find(connection: Limited, name: str) -> tuple[Client, deployments.Deployment]:
    """A deployment that has a schedule; exit code 6 where it has none."""
    client = await open_client(connection, connection.settings())
    return client, schedules.require_schedule(await deployments.find(client, name))


def _state(found: deployments.Deployment) -> ScheduleState:
    schedule, due = found.manifest.schedule, found.schedule.info.next_action_times
    assert schedule is not None  # see _find and list_
    return ScheduleState(
        **asdict(schedule),
        deployment=found.name,
        flow=found.manifest.flow,
        paused=found.paused,
        reason=found.reason,
        next_run=iso(due[0]) if due and not found.paused else None,
        last_run=found.recent[-1].run_id if found.recent else None,
    )


def _description(found: deployments.Deployment) -> Description:
    info = found.schedule.info
    return Description(
        **vars(_state(found)),
        next_runs=() if found.paused else tuple(iso(at) for at in info.next_action_times),
        recent_runs=tuple(
            StartedRun(run_id=one.run_id, due=iso(one.due), started=iso(one.started)) for one in found.recent
        ),
        running=tuple(found.running),
        waiting=found.schedule.raw_description.info.buffer_size,
        skipped=info.num_actions_skipped_overlap,
        missed=info.num_actions_missed_catchup_window,
    )


def _authorized_user(found: deployments.Deployment, token: str | None) -> str:
    """The user's name, for the note; exit code 6 for somebody who may not change the deployment."""
    user = tokens.username()
    tokens.authorize(found.manifest, user, token)
    return user or "somebody"


def _unchanged(found: deployments.Deployment, how: str, *, strict: bool) -> str:
    """The note that the schedule was in this state before; exit code 6 with --strict."""
    if strict:
        raise ConflictError(f"{found.name} {how}", code="schedule.unchanged")
    return f"{found.name} {how}"
