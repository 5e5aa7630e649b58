"""The task queues that a worker serves: those of its deployments, found with few requests."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio.client import Client

from ..engine.notification import NOTIFICATION_TYPE
from ..model import ids
from . import deployments
from .schedule_ids import ScheduleIds
from .unreadable import UnreadableDeployment, Warnings

#: Checks in a row that find no run before a task queue is dropped: a run that just started is not listed yet.
EMPTY_CHECKS = 2


@dataclass(frozen=True)
class FlowQueue:
    """The task queue of a deployment, and its flow."""

    queue: str
    flow: str


class TaskQueues:
    """The task queues of the deployments called ``wanted``, or of all.

    Each check costs a describe request for each new deployment and for one of the known ones, in turn: so many
    deployments cost no more requests, and a changed task queue is found after at most as many checks as there are
    deployments. If all are wanted, ``schedules`` tells which there are.

    A deleted deployment's task queue, or one that a deployment no longer uses, is served until no run, and no
    notification about one, is left on it.
    """

    def __init__(
        self, client: Client, wanted: frozenset[str] | None, schedules: ScheduleIds, warn: Warnings
    ) -> None:
        self._client = client
        self._schedules = schedules
        self._wanted = wanted
        self._warn = warn
        #: By deployment, the one that was read longest ago first; None if it has never been readable.
        self._known: dict[str, FlowQueue | None] = {}
        #: Queues that no deployment uses any more, with the number of checks in a row that found no run.
        self._left: dict[FlowQueue, int] = {}

    async def current(self) -> frozenset[str]:
        """The task queues to serve. A deployment that became unreadable keeps its last one."""
        there = await self._all() if self._wanted is None else sorted(self._wanted)
        new = [name for name in there if name not in self._known]
        again = [name for name in self._known if name in there][:1]
        found = await deployments.describe_many(self._client, [*again, *new])
        for one in found.values():
            if isinstance(one, deployments.Deployment):
                await deployments.keep(self._client, one)
        read = {name: self._served(name, one) for name, one in found.items()}
        kept = {name: one for name, one in self._known.items() if name in there and name not in again}
        before = frozenset(filter(None, self._known.values()))
        self._known = kept | read
        named = frozenset(filter(None, self._known.values()))
        self._left |= dict.fromkeys(before, 0)
        self._left = {one: looks for one, looks in self._left.items() if one not in named}
        await self._count_runs()
        return frozenset(one.queue for one in (*named, *self._left))

    async def _all(self) -> list[str]:
        """The names of all deployments."""
        return sorted(filter(None, map(ids.deployment_of, await self._schedules.current())))

    async def _count_runs(self) -> None:
        for one in list(self._left):
            queue = one.queue.replace("'", "''")
            # A notification is sent for a day, by a workflow that outlives its run.
            types = f"WorkflowType IN ('{one.flow}', '{NOTIFICATION_TYPE}')"
            runs = await self._client.count_workflows(
                f"TaskQueue = '{queue}' AND {types} AND ExecutionStatus = 'Running'"
            )
            self._left[one] = 0 if runs.count else self._left[one] + 1
            if self._left[one] >= EMPTY_CHECKS:
                del self._left[one]

    def _served(self, name: str, found: deployments.Deployment | UnreadableDeployment) -> FlowQueue | None:
        if isinstance(found, UnreadableDeployment):
            self._warn(found)
            # It may be a newer version of a deployment that still has runs.
            return self._known.get(name)
        return FlowQueue(found.manifest.task_queue, found.manifest.flow)
