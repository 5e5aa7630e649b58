"""What the server says about a task queue now: its backlog, how fast it changes, and who polls it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue, TaskQueueStats
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client

from .deployments import MAX_REQUESTS
from .pollers import Poller, pollers_of


@dataclass(frozen=True)
class Backlog:
    """The tasks of a task queue that no worker has taken: how many, and the age of the oldest in seconds.

    ``added`` and ``dispatched``: tasks a minute, as an average of the last half minute.
    """

    tasks: int
    age: float
    added: float
    dispatched: float

    def __add__(self, other: Backlog) -> Backlog:
        """Both backlogs as one."""
        return Backlog(
            self.tasks + other.tasks,
            max(self.age, other.age),
            self.added + other.added,
            self.dispatched + other.dispatched,
        )


@dataclass(frozen=True)
class TaskQueueState:
    """A task queue: its backlogs of workflow tasks and of activities, and who polled it within the last minutes.

    The backlogs are None where the server does not tell them.
    """

    name: str
    workflows: Backlog | None
    activities: Backlog | None
    pollers: tuple[Poller, ...]

    @property
    def backlog(self) -> Backlog | None:
        """Both backlogs as one."""
        if self.workflows is None or self.activities is None:
            return None
        return self.workflows + self.activities


async def read_states(client: Client, names: Iterable[str], *, backlogs: bool = True) -> list[TaskQueueState]:
    """The task queues as they are now, with two requests for each; without ``backlogs`` one, for who polls it."""
    limit = asyncio.Semaphore(MAX_REQUESTS)

    async def one(name: str) -> TaskQueueState:
        async with limit:
            workflows = await _describe(client, name, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
            pollers = tuple(pollers_of(workflows))
            if not backlogs:
                return TaskQueueState(name, None, None, pollers)
            activities = await _describe(client, name, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
        return TaskQueueState(name, _backlog(workflows), _backlog(activities), pollers)

    return list(await asyncio.gather(*map(one, names)))


async def _describe(client: Client, name: str, kind: TaskQueueType.ValueType) -> DescribeTaskQueueResponse:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=name), task_queue_type=kind, report_stats=True
    )
    return await client.workflow_service.describe_task_queue(request)


def _backlog(answer: DescribeTaskQueueResponse) -> Backlog | None:
    if not answer.HasField("stats"):  # a server that is older than these statistics
        return None
    stats: TaskQueueStats = answer.stats
    age = stats.approximate_backlog_age.ToTimedelta().total_seconds()
    tasks = stats.approximate_backlog_count
    return Backlog(tasks, age if tasks else 0.0, stats.tasks_add_rate * 60, stats.tasks_dispatch_rate * 60)
