"""The failure of a run: from the errors of its tasks, and as JSON values for continue-as-new."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    FailureError,
    is_cancelled_exception,
)

from ..model.task import Task
from .plan import PlanError, SplitRange

#: Failure type of a run that exceeded its workflow timeout.
TIMEOUT = "WorkflowTimeout"
#: Failure type of a run that was cancelled before it continued as new, so that Temporal cannot end it as cancelled;
#: also the name of the patch that added it.
CANCELLED = "WorkflowCancelled"


def is_cancelled(error: BaseException) -> bool:
    """Whether the error is the cancellation of a run."""
    return isinstance(error, asyncio.CancelledError) or is_cancelled_exception(error)


def plain_failure(error: BaseException) -> dict[str, Any]:
    """JSON values."""
    if is_cancelled(error) or (isinstance(error, ApplicationError) and error.type == CANCELLED):
        return {"cancelled": True}
    if isinstance(error, ApplicationError):
        return {"message": error.message, "details": list(error.details), "type": error.type}
    return {"message": str(error), "details": [{"message": str(error)}], "type": type(error).__name__}


def failure_from_plain(plain: dict[str, Any]) -> BaseException:
    """The error of ``plain_failure``'s JSON values."""
    if plain.get("cancelled"):
        return CancelledError("cancelled")
    return ApplicationError(plain["message"], *plain["details"], type=plain["type"])


def details_of(error: BaseException | None) -> dict[str, Any]:
    """What a failed task or run says about itself: ``message``, ``step``, ``task``, ...; {} for other errors."""
    details = error.details if isinstance(error, ApplicationError) else ()
    return details[0] if details and isinstance(details[0], dict) else {}


def first_failure(item: Task | SplitRange, error: BaseException) -> BaseException:
    """The failure of a run whose task or child workflow failed with ``error``, with the step and task.

    A cancellation, and an error that is a bug of mftctl, are returned as they are.
    """
    if isinstance(error, Exception) and not isinstance(error, FailureError):
        return error
    if is_cancelled(error):
        return error
    cause = error.cause if isinstance(error, (ActivityError, ChildWorkflowError)) and error.cause else error
    if isinstance(cause, ApplicationError) and cause.type == CANCELLED:  # a part of a part
        return CancelledError("cancelled")
    if isinstance(cause, ApplicationError) and cause.details:
        return ApplicationError(cause.message, *cause.details, type=cause.type)
    where = (
        f"step {item.ref.step} (task {item.ref.task_id})"
        if isinstance(item, Task)
        else f"foreach {item.step}"
    )
    message = f"{where} failed: {cause}"
    return ApplicationError(message, _failure_details(item, message), type="StepFailed")


def not_taken(task: Task, queue: str, seconds: float | None) -> ApplicationError:
    """The failure for a task that no worker took in time."""
    waited = "too long" if seconds is None else f"longer than {seconds:g} s"
    where = f"step {task.ref.step} (task {task.ref.task_id})"
    message = f"{where} waited {waited} for a worker of task queue {queue}"
    return ApplicationError(message, _failure_details(task, message), type="StepFailed")


def result_mismatch(task: Task, error: PlanError, kept: bool) -> ApplicationError:
    """The failure for a task whose result does not fit the graph; a ``kept`` one is of another version of the code."""
    step = task.ref.step
    message = (
        f"step {step} finished with another version of the flow, and its result does not fit this one; "
        f"to run it again, resume with: --step {step} ({str(error).strip()})"
        if kept
        else str(error)
    )
    return ApplicationError(message, _failure_details(task, message), type="FlowInvalid")


def with_compensations(
    error: BaseException, count: int, failed: list[dict[str, Any]], more: int = 0
) -> BaseException:
    """The error, with the number of compensations and those that ``failed`` in its details; ``more`` have, too."""
    if not isinstance(error, ApplicationError):
        return error
    told = {"count": count, "failed": failed, **({"more_failed": more} if more else {})}
    extended = {**details_of(error), "compensations": told}
    return ApplicationError(error.message, extended, type=error.type)


def _failure_details(item: Task | SplitRange, message: str) -> dict[str, Any]:
    """The details of a run's failure, as JSON values."""
    if isinstance(item, SplitRange):
        return {"step": item.step, "message": message}
    return {"step": item.ref.step, "task": item.ref.task_id, "message": message}
