"""Workers that poll a task queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.deployment.v1 import WorkerDeploymentOptions, WorkerDeploymentVersion
from temporalio.api.enums.v1 import TaskQueueType, WorkerStatus, WorkerVersioningMode
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    ListWorkersRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ..model.worker_version import WorkerVersion

#: Seconds after its last poll when a worker is gone: a poll takes 60 s at most.
SILENCE = 70.0
#: How long after the start of its shutdown a worker may still be seen polling.
LAST_POLL = timedelta(seconds=2)
LEAVING = {WorkerStatus.WORKER_STATUS_SHUTTING_DOWN, WorkerStatus.WORKER_STATUS_SHUTDOWN}
#: Answers of a server that does not support listing workers, or does not allow it.
NO_ANSWER = {
    RPCStatusCode.UNIMPLEMENTED,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.NOT_FOUND,
}


@dataclass(frozen=True)
class Poller:
    """A worker that polls a task queue, and the time of its last poll.

    ``build``: its build id, if it has one. ``version``: of Temporal's worker versioning, as NAME:BUILD; else empty.
    """

    identity: str
    last_seen: datetime
    build: str = ""
    version: str = ""


@dataclass(frozen=True)
class Polling:
    """Who polls a task queue.

    ``pollers`` take what is asked for. ``lacking``: versions, as NAME:BUILD, that take all or a share of it and have no
    worker; an empty one is that of workers without a version. Where no version is current, ``unpromoted`` are those of
    workers that are there, and take nothing.
    """

    pollers: tuple[Poller, ...] = ()
    lacking: tuple[str, ...] = ("",)
    unpromoted: tuple[str, ...] = ()

    @property
    def served(self) -> bool:
        """Whether all that is asked for is taken."""
        return not self.lacking

    @property
    def wanted(self) -> str:
        """The version of the worker that is to be started first; empty: one without a version."""
        return self.lacking[0] if self.lacking else ""


#: Of a task queue about which nothing is known.
UNKNOWN = Polling()


async def find_pollers(client: Client, task_queue: str, version: str = "") -> Polling:
    """The workers that poll the task queue and take what is new there, or what stays on the ``version``.

    The server lists workers for five minutes after their last poll. Those that have not polled for longer than a poll
    takes, and those that are shutting down, are left out.
    """
    answer = await _describe(client, task_queue)
    current, *ramping = _takers(answer)
    taking = [version] if version else [current, *ramping]
    near = _near(answer)
    left = await _leaving_since(client, task_queue) if near else {}
    staying = [
        one for one in near if one.identity not in left or one.last_seen > left[one.identity] + LAST_POLL
    ]
    there = {one.version for one in staying}
    return Polling(
        tuple(sorted((one for one in staying if one.version in taking), key=lambda one: one.identity)),
        tuple(one for one in taking if one not in there),
        () if current else tuple(sorted(there - {"", *ramping})),
    )


async def takers_of(client: Client, task_queue: str) -> list[str]:
    """The versions that take what is new in the task queue, as NAME:BUILD: the current one, then one that gets a share.

    An empty one stands for workers without a version.
    """
    return _takers(await _describe(client, task_queue))


def pollers_of(answer: DescribeTaskQueueResponse) -> list[Poller]:
    """Who has polled the task queue within the last five minutes."""
    return [
        Poller(
            one.identity,
            one.last_access_time.ToDatetime(tzinfo=UTC),
            one.worker_version_capabilities.build_id or one.deployment_options.build_id,
            _version(one.deployment_options),
        )
        for one in answer.pollers
    ]


async def has_worker(client: Client, task_queue: str, version: str = "") -> bool:
    """Whether workers take all that is new in the task queue, or what stays on the ``version``."""
    return (await find_pollers(client, task_queue, version)).served


async def _describe(client: Client, task_queue: str) -> DescribeTaskQueueResponse:
    kind = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind
    )
    return await client.workflow_service.describe_task_queue(request, retry=True)


def _takers(answer: DescribeTaskQueueResponse) -> list[str]:
    routing = answer.versioning_info
    current = _named(routing.current_deployment_version)
    ramping = _named(routing.ramping_deployment_version)
    return [current, ramping] if routing.ramping_version_percentage and ramping != current else [current]


def _near(answer: DescribeTaskQueueResponse) -> list[Poller]:
    now = datetime.now(UTC)
    return [one for one in pollers_of(answer) if (now - one.last_seen).total_seconds() < SILENCE]


def _version(options: WorkerDeploymentOptions) -> str:
    versioned = options.worker_versioning_mode == WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
    return str(WorkerVersion(options.deployment_name, options.build_id)) if versioned else ""


def _named(version: WorkerDeploymentVersion) -> str:
    return str(WorkerVersion(version.deployment_name, version.build_id)) if version.build_id else ""


async def _leaving_since(client: Client, task_queue: str) -> dict[str, datetime]:
    """Workers that are shutting down: when each last reported it, by identity."""
    request = ListWorkersRequest(
        namespace=client.namespace, page_size=200, query=f"TaskQueue = '{task_queue}'"
    )
    try:
        answer = await client.workflow_service.list_workers(request, retry=True)
    except RPCError as error:
        if error.status not in NO_ANSWER:
            raise
        return {}
    beats = [one.worker_heartbeat for one in answer.workers_info]
    return {
        one.worker_identity: one.heartbeat_time.ToDatetime(tzinfo=UTC)
        for one in beats
        if one.status in LEAVING
    }
