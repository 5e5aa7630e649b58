"""Who works off a task queue right now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType, WorkerStatus
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, ListWorkersRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

#: Seconds after which somebody who has not asked for work again is gone: a poll takes 60 s at most.
SILENCE = 70.0
#: How much later than its word that it leaves a worker may be seen asking.
_LAST_POLL = timedelta(seconds=2)
_LEAVING = {WorkerStatus.WORKER_STATUS_SHUTTING_DOWN, WorkerStatus.WORKER_STATUS_SHUTDOWN}
#: What a server answers that does not know of workers, or does not tell us.
_NO_ANSWER = {
    RPCStatusCode.UNIMPLEMENTED,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.NOT_FOUND,
}


@dataclass(frozen=True)
class Poller:
    """A worker that asks the task queue for work, and when it has done so last."""

    identity: str
    last_seen: datetime

    def to_plain(self) -> dict[str, Any]:
        """JSON values."""
        return {"identity": self.identity, "last_seen": self.last_seen.isoformat(timespec="seconds")}


async def list_pollers(client: Client, task_queue: str) -> list[Poller]:
    """The workers that ask the task queue for work right now.

    The server remembers who has asked for five minutes. Who is silent for longer than a poll takes is left out, and so
    is who has said that it leaves.
    """
    kind = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind
    )
    answer = await client.workflow_service.describe_task_queue(request)
    now = datetime.now(UTC)
    seen = [Poller(one.identity, one.last_access_time.ToDatetime(tzinfo=UTC)) for one in answer.pollers]
    near = [one for one in seen if (now - one.last_seen).total_seconds() < SILENCE]
    left = await _leaving_since(client, task_queue) if near else {}
    return sorted(
        (one for one in near if one.identity not in left or one.last_seen > left[one.identity] + _LAST_POLL),
        key=lambda one: one.identity,
    )


async def has_worker(client: Client, task_queue: str) -> bool:
    """Whether any worker asks the task queue for work."""
    return bool(await list_pollers(client, task_queue))


async def _leaving_since(client: Client, task_queue: str) -> dict[str, datetime]:
    """Identities of workers that have said that they leave, and when."""
    request = ListWorkersRequest(
        namespace=client.namespace, page_size=200, query=f"TaskQueue = '{task_queue}'"
    )
    try:
        answer = await client.workflow_service.list_workers(request)
    except RPCError as error:
        if error.status not in _NO_ANSWER:
            raise
        return {}
    beats = [one.worker_heartbeat for one in answer.workers_info]
    return {
        one.worker_identity: one.heartbeat_time.ToDatetime(tzinfo=UTC)
        for one in beats
        if one.status in _LEAVING
    }
