"""What an open run waits for, though nothing of it has failed: a worker, or a task that is tried again and again."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import PendingActivityState, PendingWorkflowTaskState, VersioningBehavior
from temporalio.api.workflow.v1 import PendingActivityInfo, WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client

from ...model.worker_version import WorkerVersion
from ..pollers import UNKNOWN, Polling, find_pollers
from ..worker_versioning import task_queues_by_version, version_in

#: Seconds in which a worker takes a task, if there is one.
MIN_WAIT = 5.0
#: Attempts of a task that ended without a result: from then on a list tells it.
MANY_ATTEMPTS = 3
#: Task queues that are asked for their workers, and tasks of a run that are named, at most.
MAX_QUEUES, MAX_TASKS = 20, 3
#: Characters of a failure's message.
MAX_MESSAGE = 200
#: Message of an attempt whose worker was lost, or that took longer than the server waits.
LOST = "lost: its worker stopped sending heartbeats"
#: Search attributes of whether a workflow stays on a version, and on which.
_ATTRIBUTES = ("TemporalWorkflowVersioningBehavior", "TemporalWorkerDeploymentVersion")
_FAILED = re.compile(r"^step \S+ failed: ")


@dataclass(frozen=True)
class Delay:
    """Why a run does not go on.

    ``no_worker``: no worker polls ``task_queue``, where ``tasks`` of the run wait since then; 0 for the run itself,
    which cannot go on without one; ``version``: of the workers that it stays on, if any; ``polling``: who
    polls the task queue. ``retrying``: ``task`` (STEP/TASK) was tried ``attempts`` times;
    the last attempt ended with ``message``.
    """

    reason: Literal["no_worker", "retrying"]
    task_queue: str
    since: datetime | None = None
    tasks: int = 0
    task: str | None = None
    attempts: int = 0
    message: str | None = None
    version: str = ""
    polling: Polling = UNKNOWN


def possible_delays(described: DescribeWorkflowExecutionResponse, now: datetime) -> list[Delay]:
    """What the workflow may wait for: whether a task queue has a worker is not known from its description."""
    queue = described.execution_config.task_queue.name
    version = pinned_version(described.workflow_execution_info)
    found = []
    task = described.pending_workflow_task
    if task.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED:
        asked = task.HasField("original_scheduled_time")
        since = _time(task.original_scheduled_time if asked else task.scheduled_time)
        found += [Delay("no_worker", queue, since, version=version)] if _is_long(since, now) else []
    for one in described.pending_activities:
        since = _time(one.scheduled_time)
        where = one.activity_options.task_queue.name or queue
        waits = one.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
        if waits and _is_long(since, now):
            found.append(Delay("no_worker", where, since, tasks=1, version=version))
        if one.attempt > MANY_ATTEMPTS and one.HasField("last_failure"):
            found.append(_retrying(one, where))
    return found


async def confirmed_delays(client: Client, by_run: dict[str, list[Delay]]) -> dict[str, tuple[Delay, ...]]:
    """The delays that are real, by run, each task queue once.

    Costs a request or two for each task queue, and one for each version of workers that a run stays on.
    """
    by_run = await _with_versions(client, by_run)
    places = {_place(one): None for delays in by_run.values() for one in delays if one.reason == "no_worker"}
    asked = list(places)[:MAX_QUEUES]
    found = await asyncio.gather(*(find_pollers(client, *place) for place in asked))
    unserved = {place: one for place, one in zip(asked, found, strict=True) if not one.served}
    return {run: tuple(_merged(delays, unserved)) for run, delays in by_run.items()}


def pinned_version(info: WorkflowExecutionInfo) -> str:
    """The version of workers that a workflow stays on, as NAME:BUILD; empty if it may go to any.

    A list has it in search attributes only.
    """
    if not info.HasField("versioning_info"):
        fields = info.search_attributes.indexed_fields
        behavior, named = (json.loads(fields[name].data) if name in fields else "" for name in _ATTRIBUTES)
        return str(named) if behavior == "Pinned" else ""
    versioning = info.versioning_info
    override = versioning.versioning_override.pinned.version
    pinned = versioning.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
    version = override if override.build_id else versioning.deployment_version
    return (
        str(WorkerVersion(version.deployment_name, version.build_id)) if pinned or override.build_id else ""
    )


async def _with_versions(client: Client, by_run: dict[str, list[Delay]]) -> dict[str, list[Delay]]:
    """The same delays; a task that waits in a task queue which the run's version does not serve stays on none."""
    versions = (one.version for delays in by_run.values() for one in delays)
    queues = await task_queues_by_version(client, versions)

    return {
        run: [replace(one, version=version_in(one.task_queue, one.version, queues)) for one in delays]
        for run, delays in by_run.items()
    }


def _merged(found: list[Delay], unserved: Mapping[tuple[str, str], Polling]) -> Iterable[Delay]:
    by_place: defaultdict[tuple[str, str], list[Delay]] = defaultdict(list)
    for one in found:
        if one.reason == "no_worker" and _place(one) in unserved:
            by_place[_place(one)].append(one)
    for (queue, version), waiting in by_place.items():
        since = min(one.since for one in waiting if one.since is not None)
        yield Delay(
            "no_worker",
            queue,
            since,
            tasks=sum(one.tasks for one in waiting),
            version=version,
            polling=unserved[queue, version],
        )
    yield from [one for one in found if one.reason == "retrying"][:MAX_TASKS]


def _place(delay: Delay) -> tuple[str, str]:
    return delay.task_queue, delay.version


def _retrying(one: PendingActivityInfo, queue: str) -> Delay:
    name = f"{one.activity_type.name}/{one.activity_id}"
    failure = one.last_failure
    lost = failure.HasField("timeout_failure_info")
    message = LOST if lost else _FAILED.sub("", " ".join(failure.message.split()))[:MAX_MESSAGE]
    return Delay("retrying", queue, task=name, attempts=one.attempt - 1, message=message)


def _is_long(since: datetime, now: datetime) -> bool:
    return (now - since).total_seconds() > MIN_WAIT


def _time(at: Timestamp) -> datetime:
    return at.ToDatetime(tzinfo=UTC)
