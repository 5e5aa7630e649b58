"""What Python does as a process ends, and which of it a flow's import has asked for.

A forked task leaves without tearing down the modules that its host has loaded. The rest of what Python does at an end
it does itself (`end`), with the exit handlers that were registered since the fork. Those of the import are another
matter: one process has registered them, for itself, so a flow that has any gets a new process for each task. Libraries
register some as they are imported, for what they begin later; only those count that the flow's own code asks for.
"""

from __future__ import annotations

import _io
import atexit
import functools
import gc
import sys
import threading
import traceback
import weakref
from contextlib import suppress
from typing import Any

from .. import own_code

#: What the standard library has to do at the end of every process that has loaded the module, in this order.
_STANDARD = (("multiprocessing.util", "_exit_function"), ("logging", "shutdown"))
#: Files that write nothing of their own as they are closed.
_BUFFERS = (_io.BufferedWriter, _io.BufferedRandom, _io.BufferedRWPair, _io.BufferedReader, _io.BytesIO)


class Exits:
    """Watches which exit handlers and finalizers a flow's own code registers, from `watch` to `stop`."""

    def __init__(self) -> None:
        self._handlers: list[Any] = []
        self._finalizers: list[Any] = []
        self._register: Any = atexit.register
        self._finalize: Any = weakref.finalize
        self._init = self._finalize.__init__

    def watch(self) -> None:
        """From here on, notice ``atexit.register`` and ``weakref.finalize``."""
        register, init = self._register, self._init
        module: Any = atexit

        @functools.wraps(register)
        def registered(func: Any, *args: Any, **kwargs: Any) -> Any:
            # A finalizer is noticed by itself, and what calls all of them is `weakref`'s own.
            if own_code.asks() and getattr(func, "__self__", None) is not weakref.finalize:
                self._handlers.append(func)
            return register(func, *args, **kwargs)

        @functools.wraps(init)
        def finalizing(one: Any, *args: Any, **kwargs: Any) -> None:
            init(one, *args, **kwargs)
            if own_code.asks():
                self._finalizers.append(one)

        module.register = registered
        self._finalize.__init__ = finalizing

    def stop(self) -> None:
        """The import is over: everything is again as it was."""
        module: Any = atexit
        module.register = self._register
        self._finalize.__init__ = self._init

    def left(self) -> list[str]:
        """What this process has to call at its end, in words; empty when that is nothing."""
        pending = [one.peek()[1] for one in self._finalizers if one.alive and one.atexit]
        names = sorted({_name(one) for one in (*self._handlers, *pending)})
        return [f"an exit handler ({', '.join(names)})"] if names else []


def begin() -> None:
    """In a forked child: leave what is registered to the host, but for the standard library's own."""
    atexit._clear()
    for module, name in reversed(_STANDARD):
        if module in sys.modules:
            atexit.register(getattr(sys.modules[module], name))
    registry: dict[Any, Any] = weakref.finalize._registry  # type: ignore[attr-defined]
    registry.clear()
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]


def end() -> None:
    """What the interpreter does at its end, in its order, without tearing down modules. Raises nothing."""
    for part in (threading._shutdown, atexit._run_exitfuncs, _close_files):  # type: ignore[attr-defined]
        try:
            part()
        except BaseException:
            traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # closed, or nobody reads it
            stream.flush()


def _close_files() -> None:
    """Write what files hold back, as their finalizers do; those of before the fork are frozen, and not among these."""
    found = [one for one in gc.get_objects() if issubclass(type(one), _io._IOBase)]
    made = [one for one in found if not issubclass(type(one), (_io._TextIOBase, _io._RawIOBase, _BUFFERS))]
    # Text goes through what is below it; a file made of others (gzip) writes its own end into them as it is closed.
    _each(found, _io._TextIOBase, "flush")
    _each(made, _io._IOBase, "close")
    _each(found, _BUFFERS, "flush")


def _each(files: list[Any], kind: Any, what: str) -> None:
    for one in files:
        if issubclass(type(one), kind):
            with suppress(Exception):  # as the interpreter does
                if one.writable():
                    getattr(one, what)()


def _name(handler: Any) -> str:
    handler = getattr(handler, "func", handler)  # of a partial
    return str(getattr(handler, "__qualname__", type(handler).__name__))
