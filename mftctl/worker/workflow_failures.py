"""Report runs whose workflow tasks fail on this worker: `operations/open_client.py` silences the SDK's own logs."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from collections.abc import Callable

from temporalio.client import Client
from temporalio.service import RPCError

from ..control.runs.stuck import HINT, error_summary

#: The SDK's loggers of workflow errors, deadlocks, and histories that do not replay.
INSTANCE, WORKER = "temporalio.worker._workflow_instance", "temporalio.worker._workflow"
#: The code of a history that does not replay in Temporal's SDKs.
NONDETERMINISM = re.compile(r"\[TMPRL1100\][^\"]*")
#: Reported errors that are remembered.
MAX_REMEMBERED = 1000


class WorkflowFailureLog(logging.Handler):
    """Reports each failure of a run's workflow task once, although Temporal retries it every few seconds."""

    def __init__(self, client: Client, report: Callable[[str, str], None]) -> None:
        super().__init__(logging.DEBUG)
        self._client = client
        self._report = report
        self._reported: dict[tuple[str, str], None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reporting: set[asyncio.Task[None]] = set()

    def listen(self) -> None:
        """Attach to the SDK's loggers; call it in the running event loop."""
        if self._loop is not None:
            return
        self._loop = asyncio.get_running_loop()
        for name, level in ((INSTANCE, logging.WARNING), (WORKER, logging.DEBUG)):
            logger = logging.getLogger(name)
            logger.addHandler(self)
            logger.propagate = False
            logger.setLevel(level)

    def close(self) -> None:
        """Detach from the SDK's loggers."""
        for name in (INSTANCE, WORKER):
            logging.getLogger(name).removeHandler(self)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Handle a record of the SDK, in any thread."""
        problem = _problem(record)
        if problem is None or self._loop is None or self._loop.is_closed():
            return
        workflow = getattr(record, "temporal_workflow", {}).get("workflow_id")
        execution = record.args[0] if isinstance(record.args, tuple) and record.args else ""
        self._loop.call_soon_threadsafe(self._begin, workflow, str(execution), problem)

    def _begin(self, workflow: str | None, execution: str, problem: str) -> None:
        key = (workflow or execution, problem)
        if key in self._reported:
            return
        self._reported[key] = None
        if len(self._reported) > MAX_REMEMBERED:
            del self._reported[next(iter(self._reported))]
        task = asyncio.ensure_future(self._report_run(workflow, execution, problem))
        self._reporting.add(task)
        task.add_done_callback(self._reporting.discard)

    async def _report_run(self, workflow: str | None, execution: str, problem: str) -> None:
        """Report it with the workflow id, which the SDK does not always log."""
        if workflow is None:
            try:
                async for found in self._client.list_workflows(f"RunId = '{execution}'", limit=1):
                    workflow = found.id
            except RPCError:
                workflow = None
        run = workflow or execution
        self._report(f"run {run} is stuck: {problem}; {HINT}", run)


def _problem(record: logging.LogRecord) -> str | None:
    """The failure of a workflow task in a log record; None for other records."""
    if record.exc_info and record.exc_info[1] is not None and "activation" in record.msg:
        error = record.exc_info[1]
        trace = "".join(traceback.format_exception(error))
        return error_summary(type(error).__name__.lstrip("_"), str(error), trace)
    if record.msg.startswith("Evicting") and isinstance(record.args, tuple) and len(record.args) == 2:
        found = NONDETERMINISM.search(str(record.args[1]))
        return error_summary("", found[0], "") if found else None
    return None
