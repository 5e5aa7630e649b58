"""What a step's decorators ask of the orchestrator, read as Metaflow's runtimes read it."""

from __future__ import annotations

from typing import Any, Optional

from .main import Refused

#: Flow decorators that ask for a scheduler or a service of their own.
_UNSUPPORTED_STEPS = {"slurm": "it submits its step to a Slurm scheduler of its own"}


def retries(decorators: list[Any]) -> tuple[int, int]:
    """Retries of user code and of the fallback (``metaflow/runtime.py``, ``Task.__init__``)."""
    user, error = 0, 0
    for decorator in decorators:
        user_retries, error_retries = decorator.step_task_retry_count()
        if user_retries is None and error_retries is None:
            return 0, 0
        user, error = max(user, user_retries), max(error, error_retries)
    return user, error


def retry_delay(decorators: list[Any]) -> float:
    """Seconds between attempts: @retry's ``minutes_between_retries``, as Argo honours it."""
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


def refuse_unsupported(state: Any) -> None:
    """Refuse what no worker could run, before anything is uploaded."""
    for step in state.flow:
        for decorator in step.decorators:
            reason = _UNSUPPORTED_STEPS.get(decorator.name)
            if reason:
                raise Refused(
                    f"step {step.__name__}: @{decorator.name} is not supported: {reason}", "unsupported"
                )
