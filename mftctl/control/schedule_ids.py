"""The Schedules of a Temporal namespace, watched with few requests: deployments and task queues are found by them."""

from __future__ import annotations

import time

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

#: Seconds after which all Schedules are listed again, though their number is the same.
LIST_AGAIN = 30.0
#: Seconds in which no request is made again: who asks at the same time as others shares their answer.
FRESH = 1.0


class ScheduleIds:
    """The ids of all Schedules; one that was just deleted may still be among them.

    They are counted, which costs the server about a tenth of a list of 300, and listed when there are more or fewer,
    or after LIST_AGAIN. On a server that cannot count them they are listed each time.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ids: tuple[str, ...] = ()
        self._count: int | None = None
        self._counted = self._listed = float("-inf")

    async def current(self) -> tuple[str, ...]:
        """The ids now, or less than FRESH seconds ago."""
        now = time.monotonic()
        if now - self._counted < FRESH:
            return self._ids
        count = await _count(self._client)
        if count is None or count != self._count or now - self._listed > LIST_AGAIN:
            self._ids = tuple([one.id async for one in await self._client.list_schedules()])
            # Fewer than were listed: this server counts something else.
            self._count = None if count is None or count < len(self._ids) else count
            self._listed = now
        self._counted = now
        return self._ids


async def _count(client: Client) -> int | None:
    """How many Schedules there have been, with some that are deleted; None from a server that cannot count them."""
    try:
        return (await client.count_workflows("TemporalNamespaceDivision = 'TemporalScheduler'")).count
    except RPCError as error:
        if error.status in {
            RPCStatusCode.INVALID_ARGUMENT,
            RPCStatusCode.PERMISSION_DENIED,
            RPCStatusCode.UNIMPLEMENTED,
        }:
            return None
        raise
