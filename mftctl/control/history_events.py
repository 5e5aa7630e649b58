"""Wait for a workflow's events and its result, also where the server is away, or refuses a page token of its own.

A long poll continues from a token of the server. When the server has to reload a workflow, such as after a write that
failed, it may refuse the token of before as an invalid argument. What is read is still there: read it again.

The SDK repeats a call for 10 s from its beginning, so a long poll that has been open for longer is not repeated. One
whose packets are lost fails after 45 s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from .connection.connect import is_away, may_pass

#: Refusals in a row after which the error is raised, and seconds after which one does not belong to those before.
MAX_REFUSALS, APART = 5, 10.0
#: Seconds after which a server that is away counts as lost.
PATIENCE = 30.0
#: How long it may take to answer when it is asked whether it is back, and seconds after which another failure of the
#: same call is another one.
PROBE, AT_ONCE = timedelta(seconds=5), 1.0
#: The same for a call that fails inside a server that answers: the SDK repeats it for 10 s.
IN_TROUBLE = 15.0
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
    refusals, last = _Refusals(handle, PATIENCE if wait else 0.0, report), 0
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
    refusals = _Refusals(handle, patience, report)
    while True:
        try:
            return await handle.result()
        except RPCError as error:
            await refusals.count(error)


class _Refusals:
    """Refusals of page tokens in a row, and failures of a server that is away for at most ``patience`` seconds."""

    def __init__(
        self, handle: WorkflowHandle[Any, Any], patience: float, report: Callable[[str], None]
    ) -> None:
        self._handle = handle
        self._patience = patience
        self._report = report
        self._number, self._refused = 0, 0.0
        self._away, self._answered = 0.0, 0.0

    async def count(self, error: RPCError) -> None:
        """Wait before the next try; raises the ``error`` when it is another one, or comes again and again."""
        if self._patience and may_pass(error):
            await self._wait(error)
        elif error.status == RPCStatusCode.INVALID_ARGUMENT:
            now = asyncio.get_running_loop().time()
            self._number = self._number + 1 if now - self._refused <= APART else 1
            if self._number > MAX_REFUSALS:
                raise error
            await asyncio.sleep(0.05 * 2**self._number)
            self._refused = asyncio.get_running_loop().time()
        else:
            raise error

    async def _wait(self, error: RPCError) -> None:
        """Wait until the server answers: how long a long poll was open before it failed says nothing of that."""
        clock = asyncio.get_running_loop().time
        if not self._away or clock() - self._answered > (AT_ONCE if is_away(error) else IN_TROUBLE):
            self._away = clock()
            self._report(f"the Temporal server does not answer, retrying: {error.message}")
        pause = 0.1
        while clock() - self._away < self._patience:
            await asyncio.sleep(pause)
            pause = min(2 * pause, 5.0)
            try:
                await self._handle.describe(rpc_timeout=PROBE)
            except RPCError as still:
                if may_pass(still):
                    continue
            self._answered = clock()
            return
        raise error
