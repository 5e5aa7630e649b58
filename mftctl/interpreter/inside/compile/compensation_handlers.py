"""The compensations of a flow: the handlers that undo its steps, as ``mftctl.saga`` declares them."""

from __future__ import annotations

from typing import Any, Optional

from ....model.manifest import Step
from ..task import decorator_hooks
from . import policies
from .compile_error import CompileError


def handler_of(step: Any) -> Optional[str]:
    """The name of the handler that undoes a step, or None."""
    found: Optional[str] = getattr(step, "compensation", None)
    return found


def handlers_of(state: Any) -> list[Step]:
    """The handlers of the flow, with the retries and timeouts of their decorators."""
    found = []
    for node in state.graph:
        name = handler_of(getattr(state.flow, node.name))
        if name is None:
            continue
        decorators = getattr(state.flow, name).decorators
        if decorator_hooks.rewrites_command(decorators):
            raise CompileError(
                f"{name} compensates step {node.name}: its decorators must not change how or where it runs",
                "unsupported",
            )
        user, error = policies.retries(decorators)
        found.append(
            Step(
                name=name,
                type="compensation",
                user_retries=user,
                error_retries=error,
                delay=policies.retry_delay(decorators),
                timeout=policies.timeout(decorators),
            )
        )
    return found
