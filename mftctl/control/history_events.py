"""Wait for a workflow's events and its result, also where the server is away, or refuses a page token of its own.

A long poll continues from a token of the server. When the server has to reload a workflow, such as after a write that
failed, it may refuse the token of before as an invalid argument. What is read is still there: read it again.

The SDK repeats a call for 10 s from its beginning, so a long poll that has been open for longer is not repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

#: Refusals in a row after which the error is raised, and seconds after which one does not belong to those before.
MAX_REFUSALS, APART = 5, 10.0
#: Answers of a server that is away, restarts, or has too much to do, and seconds after which it counts as lost.
_AWAY = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.CANCELLED,  # a connection that was closed in the middle of a call
}
PATIENCE = 30.0
#: The server may show these before it writes them, under ids that other events get then.
_UNWRITTEN = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
}


async def history_events(
    handle: WorkflowHandle[Any, Any], *, wait: bool = False, report: Callable[[str], None] = lambda _: None
) -> AsyncIterator[HistoryEvent]:
    """Each event of an execution once, in order; with ``wait`` as they happen, until the execution ends.

    Only scheduled and started workflow tasks may come twice. With ``wait``, a server that is away is waited for
    PATIENCE seconds; ``report`` gets the reason, once.
    """
    refusals, last = _Refusals(PATIENCE if wait else 0.0, report), 0
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


async def workflow_result(
    handle: WorkflowHandle[Any, Any],
    report: Callable[[str], None] = lambda _: None,
    patience: float = PATIENCE,
) -> Any:
    """``handle.result()``: wait for the end of a workflow. A server that is away is waited for, as above."""
    refusals = _Refusals(patience, report)
    while True:
        try:
            return await handle.result()
        except RPCError as error:
            await refusals.count(error)


class _Refusals:
    """Refusals of page tokens in a row, and failures of a server that is away for at most ``patience`` seconds."""

    def __init__(self, patience: float, report: Callable[[str], None]) -> None:
        self._patience = patience
        self._report = report
        self._number = 0
        self._first = self._last = 0.0

    async def count(self, error: RPCError) -> None:
        """Wait before the next try; raises the ``error`` when it is another one, or comes again and again."""
        now = asyncio.get_running_loop().time()
        # The SDK has tried for up to 10 s before each of a server that is away.
        again = now - self._last <= (APART if error.status == RPCStatusCode.INVALID_ARGUMENT else 2 * APART)
        self._number = self._number + 1 if again else 1
        self._first = self._first if again else now
        if error.status in _AWAY and now - self._first < self._patience:
            if not again:
                self._report(f"the Temporal server does not answer, retrying: {error.message}")
            await asyncio.sleep(min(5.0, 0.1 * 2**self._number))
        elif error.status != RPCStatusCode.INVALID_ARGUMENT or self._number > MAX_REFUSALS:
            raise error
        else:
            await asyncio.sleep(0.05 * 2**self._number)
        self._last = asyncio.get_running_loop().time()
