"""Wait for a workflow's events and its result, also where the server refuses a page token of its own.

A long poll continues from a token of the server. When the server has to reload a workflow, such as after a write that
failed, it may refuse the token of before as an invalid argument. What is read is still there: read it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

#: Refusals in a row after which the error is raised, and seconds after which one does not belong to those before.
MAX_REFUSALS, APART = 5, 10.0
#: The server may show these before it writes them, under ids that other events get then.
_UNWRITTEN = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
}


async def history_events(
    handle: WorkflowHandle[Any, Any], *, wait: bool = False
) -> AsyncIterator[HistoryEvent]:
    """Each event of an execution once, in order; with ``wait`` as they happen, until the execution ends.

    Only scheduled and started workflow tasks may come twice.
    """
    refusals, last = _Refusals(), 0
    while True:
        try:
            async for event in handle.fetch_history_events(wait_new_event=wait):
                if event.event_id > last:
                    yield event
                    if event.event_type not in _UNWRITTEN:
                        last = event.event_id
        except RPCError as error:
            await refusals.count(error)
        else:
            return


async def workflow_result(handle: WorkflowHandle[Any, Any]) -> Any:
    """``handle.result()``: wait for the end of a workflow."""
    refusals = _Refusals()
    while True:
        try:
            return await handle.result()
        except RPCError as error:
            await refusals.count(error)


class _Refusals:
    """Refusals of page tokens in a row."""

    def __init__(self) -> None:
        self._number = 0
        self._last = 0.0

    async def count(self, error: RPCError) -> None:
        """Wait before the next try; raises the ``error`` when it is another one, or comes again and again."""
        now = asyncio.get_running_loop().time()
        self._number = 1 if now - self._last > APART else self._number + 1
        self._last = now
        if error.status != RPCStatusCode.INVALID_ARGUMENT or self._number > MAX_REFUSALS:
            raise error
        await asyncio.sleep(0.05 * 2**self._number)
