"""The task queues for tasks that need more than a slot, as deployments make them known (``resource_schedules``)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

from temporalio.client import Client
from temporalio.service import RPCError

from ..model import ids
from ..model.resources import Resources, base_of, needs_of
from . import deployments

#: Seconds after which all Schedules are listed again, though their number is the same.
LIST_AGAIN = 30.0


class ResourceQueues:
    """The registered task queues, listed again when Schedules were added, and from time to time."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: tuple[str, ...] = ()
        self._count: int | None = None
        self._listed = float("-inf")

    async def current(self, queues: Iterable[str], machine: Resources) -> frozenset[str]:
        """Those of the given task queues whose tasks this machine can run; the last ones while no server answers."""
        with suppress(RPCError):  # the poll of the task queues of deployments reports it
            await self._read()
        of = frozenset(queues)
        return frozenset(
            queue
            for queue in self._known
            if base_of(queue) in of and (needs := needs_of(queue)) and needs.fits(machine)
        )

    async def _read(self) -> None:
        count = await deployments.count_schedules(self._client)
        now = time.monotonic()
        # A server that cannot count them is not asked for all of them every time.
        if (count is not None and count != self._count) or now - self._listed > LIST_AGAIN:
            listed = [ids.resource_queue_of(one.id) async for one in await self._client.list_schedules()]
            self._known = tuple(queue for queue in listed if queue is not None)
            self._count, self._listed = count, now
