"""Runs whose workflow tasks fail on this worker, told in its log: the SDK's own are silenced (`cli/session.py`)."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from collections.abc import Callable

from temporalio.client import Client
from temporalio.service import RPCError

from ..control.runs.stuck import HINT, error_summary

#: The SDK's loggers: of errors that a workflow raises, of deadlocks, and of histories that do not replay.
INSTANCE, WORKER = "temporalio.worker._workflow_instance", "temporalio.worker._workflow"
#: How Temporal's SDKs name a history that does not replay.
NONDETERMINISM = re.compile(r"\[TMPRL1100\][^\"]*")
#: Errors that are remembered as told.
MAX_REMEMBERED = 1000


class WorkflowFailureLog(logging.Handler):
    """Says once of each run and error that its workflow task fails, though it is repeated every few seconds."""

    def __init__(self, client: Client, say: Callable[[str], None]) -> None:
        super().__init__(logging.DEBUG)
        self._client = client
        self._say = say
        self._told: dict[tuple[str, str], None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def listen(self) -> None:
        """Begin to listen, in the event loop that runs."""
        if self._loop is not None:
            return
        self._loop = asyncio.get_running_loop()
        for name, level in ((INSTANCE, logging.WARNING), (WORKER, logging.DEBUG)):
            logger = logging.getLogger(name)
            logger.addHandler(self)
            logger.propagate = False
            logger.setLevel(level)

    def close(self) -> None:
        """Listen no more."""
        for name in (INSTANCE, WORKER):
            logging.getLogger(name).removeHandler(self)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Take what the SDK logs, in whichever thread."""
        problem = _problem(record)
        if problem is None or self._loop is None or self._loop.is_closed():
            return
        workflow = getattr(record, "temporal_workflow", {}).get("workflow_id")
        execution = record.args[0] if isinstance(record.args, tuple) and record.args else ""
        self._loop.call_soon_threadsafe(self._begin, workflow, str(execution), problem)

    def _begin(self, workflow: str | None, execution: str, problem: str) -> None:
        key = (workflow or execution, problem)
        if key in self._told:
            return
        self._told[key] = None
        if len(self._told) > MAX_REMEMBERED:
            del self._told[next(iter(self._told))]
        task = asyncio.ensure_future(self._tell(workflow, execution, problem))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, workflow: str | None, execution: str, problem: str) -> None:
        """Say it of the workflow, whose id the SDK does not always log."""
        if workflow is None:
            try:
                async for found in self._client.list_workflows(f"RunId = '{execution}'", limit=1):
                    workflow = found.id
            except RPCError:
                workflow = None
        self._say(f"run {workflow or execution} is stuck: {problem}; {HINT}")


def _problem(record: logging.LogRecord) -> str | None:
    """What fails a workflow task; None for anything else that is logged."""
    if record.exc_info and record.exc_info[1] is not None and "activation" in record.msg:
        error = record.exc_info[1]
        trace = "".join(traceback.format_exception(error))
        return error_summary(type(error).__name__.lstrip("_"), str(error), trace)
    if record.msg.startswith("Evicting") and isinstance(record.args, tuple) and len(record.args) == 2:
        found = NONDETERMINISM.search(str(record.args[1]))
        return error_summary("", found[0], "") if found else None
    return None
