"""`step` for flows that undo what they did: Metaflow's own, with ``.compensate`` to declare how.

    from mftctl.saga import step

    @step
    def book_hotel(self):
        self.hotel = reserve()
        self.next(self.book_flight)

    @book_hotel.compensate
    def cancel_hotel(self):
        cancel(self.hotel)

When a run of a deployment fails, is cancelled or passes its workflow timeout, the handlers of all tasks that finished
run, last in, first out. `python flow.py run` takes such a flow as well, and compensates nothing.

It needs nothing but Metaflow, because flows import it wherever they run.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from typing import Any, Callable, Optional

import metaflow
from metaflow.exception import MetaflowException

__all__ = ["CompensationError", "step"]


class CompensationError(MetaflowException):  # type: ignore[misc] # Metaflow's is untyped
    """A handler that cannot be one."""

    headline = "Compensation handler"


def step(function: Optional[Callable[..., Any]] = None, **options: Any) -> Any:
    """Metaflow's ``step``, and ``.compensate`` on the step that it makes."""
    if function is None:
        return lambda decorated: step(decorated, **options)
    made = metaflow.step(**options)(function) if options else metaflow.step(function)
    made.compensate = functools.partial(_declare, made)
    return made


def _declare(forward: Any, handler: Callable[..., Any]) -> _Handler:
    name = handler.__name__
    if hasattr(forward, "compensation"):
        raise CompensationError(
            f"step {forward.__name__} is compensated by {forward.compensation} already: {name} cannot do it as well"
        )
    if hasattr(handler, "is_step"):
        raise CompensationError(f"{name} is a step, and cannot compensate {forward.__name__}")
    if _calls_next(handler):
        raise CompensationError(f"{name} compensates step {forward.__name__} and must not call self.next")
    forward.compensation = name
    return _Handler(handler)


def _calls_next(handler: Callable[..., Any]) -> bool:
    """Whether a call of ``self.next`` is in its source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(handler)))
    except (OSError, SyntaxError):  # typed into a prompt: there is no source to look at
        return False
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func) == "self.next" for node in ast.walk(tree)
    )


class _Handler:
    """A handler while its class is being made: to decorators such as @retry a step, to the class a plain method."""

    is_step = True

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.decorators: list[Any] = []
        self.wrappers: list[Any] = []
        self.config_decorators: list[Any] = []
        self.__name__ = function.__name__
        self.name = function.__name__

    def __set_name__(self, owner: type, name: str) -> None:
        made: Any = self.function
        made.decorators, made.wrappers = self.decorators, self.wrappers
        made.config_decorators, made.name = self.config_decorators, name
        setattr(owner, name, made)
