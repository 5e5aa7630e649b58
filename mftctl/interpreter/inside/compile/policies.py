"""Retries, delays and timeouts of a step's decorators, read as Metaflow's runtimes read them."""

from __future__ import annotations

from typing import Any, Optional

from .compile_error import CompileError

#: Step decorators that no worker can run, and why.
_UNSUPPORTED_STEPS = {"slurm": "it submits the step to a Slurm scheduler"}


def retries(decorators: list[Any]) -> tuple[int, int]:
    """Retries of user code, and of the fallback of @catch (``metaflow/runtime.py``, ``Task.__init__``)."""
    user, error = 0, 0
    for decorator in decorators:
        user_retries, error_retries = decorator.step_task_retry_count()
        if user_retries is None and error_retries is None:
            return 0, 0
        user, error = max(user, user_retries), max(error, error_retries)
    return user, error


def retry_delay(decorators: list[Any]) -> float:
    """Seconds between attempts: ``minutes_between_retries`` of @retry, as on Argo Workflows."""
    for decorator in decorators:
        if decorator.name == "retry":
            return float(decorator.attributes["minutes_between_retries"]) * 60.0
    return 0.0


def timeout(decorators: list[Any]) -> Optional[float]:
    """Seconds of @timeout, or None."""
    for decorator in decorators:
        if decorator.name == "timeout":
            return float(decorator.secs)
    return None


def check_supported(state: Any) -> None:
    """CompileError for a step that no worker can run, before anything is uploaded."""
    for step in state.flow:
        for decorator in step.decorators:
            reason = _UNSUPPORTED_STEPS.get(decorator.name)
            if reason:
                raise CompileError(
                    f"step {step.__name__}: @{decorator.name} is not supported: {reason}", "unsupported"
                )
