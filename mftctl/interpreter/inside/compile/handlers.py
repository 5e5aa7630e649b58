"""The handlers that undo steps, as ``mftctl.saga`` has put them on the flow."""

from __future__ import annotations

from typing import Any, Optional

from ....model.manifest import Step
from ..task import decorator_hooks
from . import policies
from .main import Refused


def handler_of(step: Any) -> Optional[str]:
    """The name of the handler that undoes a step (``saga.py``), or None."""
    found: Optional[str] = getattr(step, "compensation", None)
    return found


def handlers(state: Any) -> list[Step]:
    """The handlers of the flow, with what their decorators ask of whoever runs them."""
    found = []
    for node in state.graph:
        name = handler_of(getattr(state.flow, node.name))
        if name is None:
            continue
        decorators = getattr(state.flow, name).decorators
        if decorator_hooks.rewrites_command(decorators):
            raise Refused(
                f"{name} compensates step {node.name} and cannot be moved elsewhere by a decorator",
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
