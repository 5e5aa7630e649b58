"""The schedule of a deployment: its next times, pause and unpause, trigger and backfill."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import (
    Client,
    ScheduleBackfill,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleOverlapPolicy,
)

from ..model import ids
from ..model.errors import ConflictError, MftctlError, UsageError
from .connection.connect import IgnoreNotFound
from .deployments import MAX_REQUESTS, Deployment
from .schedule_spec import overlap_policy

#: Seconds until the server has applied a change, and between two checks.
PATIENCE, POLL = 10.0, 0.05
#: Runs that one backfill may start: a Schedule cannot buffer more.
MAX_BACKFILL = 1000
#: How far ahead the next times of a schedule are searched.
HORIZON = timedelta(days=366 * 10)
_TICK = timedelta(milliseconds=1)


@dataclass(frozen=True)
class ScheduledTime:
    """A time at which a schedule was due, the id of its run, and whether that run exists."""

    at: datetime
    run_id: str
    exists: bool


def require_schedule(deployment: Deployment) -> Deployment:
    """The deployment, if it has a schedule; exit code 6 otherwise."""
    if deployment.manifest.schedule is None:
        raise ConflictError(
            f"{deployment.name} has no schedule",
            code="schedule.none",
            hint=f"give its flow a @schedule and deploy it; to start a run now: mftctl trigger {deployment.name}",
        )
    return deployment


async def set_paused(client: Client, deployment: Deployment, note: str, *, paused: bool) -> bool:
    """Pause or unpause the schedule, with a reason; False when it was so already: its reason stays."""
    # The pause of one that stalls is nobody's, and a worker would end it.
    if deployment.paused == paused and not (paused and deployment.stalls):
        return False
    handle = _handle(client, deployment)
    await (handle.pause(note=note) if paused else handle.unpause(note=note))
    deadline = asyncio.get_running_loop().time() + PATIENCE
    # The server answers before it has applied the change.
    while (await handle.describe()).schedule.state.paused != paused:
        if asyncio.get_running_loop().time() > deadline:
            raise MftctlError(
                f"the server has not applied the change to {deployment.name} within {PATIENCE:g} s",
                code="schedule.silent",
                hint=f"check later with: mftctl schedule describe {deployment.name}",
            )
        await asyncio.sleep(POLL)
    return True


async def trigger(client: Client, deployment: Deployment) -> str | None:
    """Start a run as if it were due now; its run id, or None when it is buffered until another run ends.

    Exit code 6 when the schedule skips runs while another one is running.
    """
    handle = _handle(client, deployment)
    await _next_second(deployment.schedule)
    before = replace(deployment, schedule=await handle.describe())
    await handle.trigger()
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        now = replace(deployment, schedule=await handle.describe())
        started = [one for one in now.recent if one not in before.recent]
        if started:
            return started[-1].run_id
        if _skipped(now) > _skipped(before):
            raise _overlap_error(now)
        waits = _buffered(now) > _buffered(before)
        late = asyncio.get_running_loop().time() > deadline
        if waits and (late or now.schedule.schedule.policy.overlap == ScheduleOverlapPolicy.BUFFER_ONE):
            return None
        if late:
            raise MftctlError(
                f"the server started no run of {deployment.name} within {PATIENCE:g} s",
                code="schedule.silent",
                hint=f"check again with: mftctl schedule describe {deployment.name}",
            )
        await asyncio.sleep(POLL)


async def upcoming(client: Client, deployment: Deployment, count: int) -> list[datetime]:
    """The next ``count`` times at which it is due, paused or not; fewer when there are fewer within ten years."""
    now = datetime.now(UTC)
    window, times = timedelta(hours=6), list[datetime]()
    while len(times) < count and window < HORIZON * 4:
        times = await _matching(client, deployment, now, now + min(window, HORIZON))
        window *= 4
    return times[:count]


async def times_between(
    client: Client, deployment: Deployment, start: datetime, end: datetime
) -> list[ScheduledTime]:
    """The times in [start, end] at which it was due, and whether each has a run.

    Exit code 2 when there are more than MAX_BACKFILL.
    """
    times = await _matching(client, deployment, start - _TICK, end)
    times = [one for one in times if start <= one <= end]
    if len(times) > MAX_BACKFILL or (len(times) == MAX_BACKFILL and times[-1] < end):
        raise UsageError(
            f"{deployment.name} was due more than {MAX_BACKFILL} times "
            f"between {start.isoformat()} and {end.isoformat()}",
            code="schedule.many",
            hint="backfill a shorter range",
        )
    limit = asyncio.Semaphore(MAX_REQUESTS)

    async def one(at: datetime) -> ScheduledTime:
        workflow_id = ids.due_workflow_id(
            deployment.manifest.flow, deployment.name, f"{at:%Y-%m-%dT%H:%M:%SZ}"
        )
        async with limit:
            return ScheduledTime(at, ids.run_id_of(workflow_id), await _exists(client, workflow_id))

    return list(await asyncio.gather(*map(one, times)))


async def backfill(client: Client, deployment: Deployment, times: list[ScheduledTime], overlap: str) -> None:
    """Start a run for each of the times that has none."""
    missing = [
        ScheduleBackfill(one.at - _TICK, one.at, overlap_policy(overlap)) for one in times if not one.exists
    ]
    if missing:
        await _handle(client, deployment).backfill(*missing)


def _handle(client: Client, deployment: Deployment) -> ScheduleHandle:
    return client.get_schedule_handle(ids.schedule_id(deployment.name))


async def _next_second(schedule: ScheduleDescription) -> None:
    """Wait for the next second: the id of a scheduled run ends with its time in seconds, and must be new."""
    recent = schedule.info.recent_actions
    if recent:
        left = recent[-1].scheduled_at.replace(microsecond=0) + timedelta(seconds=1) - datetime.now(UTC)
        await asyncio.sleep(max(0.0, min(1.0, left.total_seconds())))


async def _matching(client: Client, deployment: Deployment, start: datetime, end: datetime) -> list[datetime]:
    begin, until = Timestamp(), Timestamp()
    begin.FromDatetime(start.astimezone(UTC))
    until.FromDatetime(end.astimezone(UTC))
    request = ListScheduleMatchingTimesRequest(
        namespace=client.namespace,
        schedule_id=ids.schedule_id(deployment.name),
        start_time=begin,
        end_time=until,
    )
    answer = await client.workflow_service.list_schedule_matching_times(request)
    return [one.ToDatetime(tzinfo=UTC) for one in answer.start_time]


async def _exists(client: Client, workflow_id: str) -> bool:
    with IgnoreNotFound():
        await client.get_workflow_handle(workflow_id).describe()
        return True
    return False


def _buffered(deployment: Deployment) -> int:
    return deployment.schedule.raw_description.info.buffer_size


def _skipped(deployment: Deployment) -> int:
    return deployment.schedule.info.num_actions_skipped_overlap


def _overlap_error(deployment: Deployment) -> MftctlError:
    which = f"run {deployment.running[0]}" if deployment.running else "another run"
    return ConflictError(
        f"{deployment.name} starts no run while {which} is running",
        code="schedule.overlap",
        hint=f"start one anyway with: mftctl trigger {deployment.name}",
    )
