"""Exit handlers: those that a flow's import registers, and what a forked task runs when it ends.

A forked task does not tear down the modules that its host has loaded. All else that Python does when a process ends it
does itself (``interpreter_end``), with the exit handlers that were registered since the fork. A flow whose import
registers any gets a new process for each task: each process must register and run its own. Handlers of libraries do not
count: they are for what the library begins later.
"""

from __future__ import annotations

import atexit
import functools
import sys
import weakref
from typing import Any

from .. import own_code

#: Functions of the standard library to run at the end of a process that has loaded their module, in this order.
_STANDARD = (("multiprocessing.util", "_exit_function"), ("logging", "shutdown"))


class ExitHandlers:
    """The exit handlers and finalizers that a flow's own code registers from ``watch`` to ``stop``."""

    def __init__(self) -> None:
        self._handlers: list[Any] = []
        self._finalizers: list[Any] = []
        self._register: Any = atexit.register
        self._finalize: Any = weakref.finalize
        self._init = self._finalize.__init__

    def watch(self) -> None:
        """Notice ``atexit.register`` and ``weakref.finalize`` from here on."""
        register, init = self._register, self._init
        module: Any = atexit

        @functools.wraps(register)
        def registered(func: Any, *args: Any, **kwargs: Any) -> Any:
            # `weakref` registers one handler for all finalizers, which are noticed below.
            if own_code.is_caller() and getattr(func, "__self__", None) is not weakref.finalize:
                self._handlers.append(func)
            return register(func, *args, **kwargs)

        @functools.wraps(init)
        def finalizing(one: Any, *args: Any, **kwargs: Any) -> None:
            init(one, *args, **kwargs)
            if own_code.is_caller():
                self._finalizers.append(one)

        module.register = registered
        self._finalize.__init__ = finalizing

    def stop(self) -> None:
        """Restore the functions."""
        module: Any = atexit
        module.register = self._register
        self._finalize.__init__ = self._init

    def problems(self) -> list[str]:
        """The handlers that this process must run at its end, in one phrase."""
        pending = [one.peek()[1] for one in self._finalizers if one.alive and one.atexit]
        names = sorted({_name(one) for one in (*self._handlers, *pending)})
        return [f"an exit handler ({', '.join(names)})"] if names else []


def reset() -> None:
    """In a forked child: unregister the host's handlers, except the standard library's."""
    atexit._clear()
    for module, name in reversed(_STANDARD):
        if module in sys.modules:
            atexit.register(getattr(sys.modules[module], name))
    registry: dict[Any, Any] = weakref.finalize._registry  # type: ignore[attr-defined]
    registry.clear()
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]


def _name(handler: Any) -> str:
    handler = getattr(handler, "func", handler)  # of a partial
    return str(getattr(handler, "__qualname__", type(handler).__name__))
