"""Which task queues a worker serves: those of its deployments, known with few requests."""

from __future__ import annotations

from temporalio.client import Client

from . import deployments
from .unreadable import Unreadable, Warnings


class TaskQueues:
    """The task queues of the deployments called ``wanted``, or of all.

    A look costs one list, where all are wanted, and the description of each deployment that is new and of one that is
    known, in turn: so a worker asks the server no more often for many deployments, and finds a changed task queue
    after as many looks as there are deployments at the latest.
    """

    def __init__(self, client: Client, wanted: frozenset[str] | None, warn: Warnings) -> None:
        self._client = client
        self._wanted = wanted
        self._warn = warn
        #: By deployment, the one that was read longest ago first; None for what has never been readable.
        self._queues: dict[str, str | None] = {}

    async def now(self) -> frozenset[str]:
        """What is to be served. A deployment that is gone has none; one that became unreadable keeps its last."""
        there = await deployments.names(self._client) if self._wanted is None else sorted(self._wanted)
        new = [name for name in there if name not in self._queues]
        again = [name for name in self._queues if name in there][:1]
        found = await deployments.described(self._client, [*again, *new])
        read = {name: self._queue(name, one) for name, one in found.items()}
        kept = {name: queue for name, queue in self._queues.items() if name in there and name not in again}
        self._queues = kept | read
        return frozenset(queue for queue in self._queues.values() if queue is not None)

    def _queue(self, name: str, found: deployments.Deployed | Unreadable) -> str | None:
        if isinstance(found, Unreadable):
            self._warn(found)
            # It may be a newer version of one whose runs go on.
            return self._queues.get(name)
        return found.manifest.task_queue
