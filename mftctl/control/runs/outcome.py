"""Wait for a run's end, and say how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import exceptions
from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowQueryFailedError
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError
from temporalio.service import RPCError

from ...engine.failures import CANCELLED, TIMEOUT, details_of
from ...model.errors import Exit, MftctlError
from ..history_events import PATIENCE, workflow_result

#: Seconds between two queries of a run's progress.
POLL = 0.5
#: Seconds to wait for a worker to answer a query.
QUERY_TIMEOUT = 5.0

#: Counts of tasks by state, by step.
Progress = dict[str, dict[str, int]]


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: ``status`` is completed, failed, cancelled, terminated or timed_out.

    ``step``, ``task``, ``attempt`` and ``log`` (its last lines) are those of the task that failed. ``compensations``:
    how many the run had to run.
    """

    status: str
    message: str = ""
    step: str | None = None
    task: str | None = None
    attempt: int | None = None
    log: tuple[str, ...] = ()
    compensations: int = 0
    #: Whether its id is that of an earlier run, whose results are in the datastore.
    taken: bool = False


async def wait_for_outcome(
    handle: WorkflowHandle[Any, Any],
    report: Callable[[str], None] = lambda _: None,
    patience: float = PATIENCE,
) -> RunOutcome:
    """Wait for the run to end. A server that does not answer is waited for, and ``report`` gets the reason, once."""
    try:
        await workflow_result(handle, report, patience)
    except WorkflowFailureError as error:
        return _unsuccessful(error.cause)
    return RunOutcome("completed")


async def progress(handle: WorkflowHandle[Any, Any]) -> Progress | None:
    """Counts of tasks by state, by step; None when no worker answers."""
    try:
        found: Progress = await handle.query(
            "progress", rpc_timeout=timedelta(seconds=QUERY_TIMEOUT), result_type=dict
        )
    except (RPCError, WorkflowQueryFailedError):
        return None
    return found


def run_failed(run_id: str, ended: RunOutcome, hint: str) -> MftctlError:
    """The error for a run that did not complete (exit code 3)."""
    verb = {"failed": "failed", "timed_out": "timed out"}.get(ended.status, f"was {ended.status}")
    message = f"run {run_id} {verb}" + (f": {ended.message}" if ended.message else "")
    return MftctlError(" ".join(message.split()), exit=Exit.RUN_FAILED, code=f"run.{ended.status}", hint=hint)


def _unsuccessful(cause: BaseException | None) -> RunOutcome:
    if isinstance(cause, CancelledError):
        return RunOutcome("cancelled")
    if isinstance(cause, TerminatedError):
        return RunOutcome("terminated", cause.message)
    if isinstance(cause, exceptions.TimeoutError):
        return RunOutcome("timed_out", "it exceeded its workflow timeout")
    if not isinstance(cause, ApplicationError):
        return RunOutcome("failed", str(cause))
    if cause.type == CANCELLED:
        return RunOutcome("cancelled")
    details = details_of(cause)
    return RunOutcome(
        "timed_out" if cause.type == TIMEOUT else "failed",
        str(details.get("message") or cause.message),
        details.get("step"),
        details.get("task"),
        details.get("attempt"),
        _without_blank_end(details.get("log", [])),
        int((details.get("compensations") or {}).get("count", 0)),
        bool(details.get("taken")),
    )


def _without_blank_end(log: list[str]) -> tuple[str, ...]:
    lines = [line.rstrip("\r") for line in log]
    while lines and not lines[-1].strip():
        lines.pop()
    return tuple(lines)
