"""The task queues for tasks that need more than a slot; ``resource_schedules`` registers each as a Schedule."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from temporalio.service import RPCError

from ..model import ids
from ..model.resources import Resources, base_of, needs_of
from .schedule_ids import ScheduleIds


class ResourceQueues:
    """The task queues that ``schedules`` register."""

    def __init__(self, schedules: ScheduleIds) -> None:
        self._schedules = schedules
        self._known: tuple[str, ...] = ()

    async def current(self, queues: Iterable[str], machine: Resources) -> frozenset[str]:
        """Those of the given task queues whose tasks this machine can run; the last ones while no server answers."""
        with suppress(RPCError):  # the poll of the task queues of deployments reports it
            registered = map(ids.resource_queue_of, await self._schedules.current())
            self._known = tuple(filter(None, registered))
        of = frozenset(queues)
        return frozenset(
            queue
            for queue in self._known
            if base_of(queue) in of and (needs := needs_of(queue)) and needs.fits(machine)
        )
