"""Exit handlers: those that a flow's import registers, and what a forked task runs when it ends.

A forked task does not tear down the modules that its host has loaded. All else that Python does when a process ends it
does itself (``interpreter_end``), with the exit handlers that were registered since the fork. A flow whose import
registers any gets a new process for each task: each process must register and run its own. Handlers that libraries
register as they are imported are for what they begin later (a run of an experiment tracker, a connection), so each task
calls them for what it has begun, unless they may remove files that the import has made: these belong to the host.
"""

from __future__ import annotations

import atexit
import functools
import os
import sys
import tempfile
import weakref
from typing import Any, Callable

from .. import own_code
from .stand_in import put

#: Functions of the standard library to run at the end of a process that has loaded their module, in this order.
_STANDARD = (("multiprocessing.util", "_exit_function"), ("logging", "shutdown"))
_STANDARD_MODULES = frozenset(module for module, _ in _STANDARD)
#: Parts of the names of functions that remove files.
_REMOVING = ("rmtree", "remove", "unlink", "rmdir", "delete", "cleanup", "clean_up", "cleartemp")
#: Functions of `tempfile` that make files and folders.
_MAKING = ("mkdtemp", "mkstemp")


class ExitHandlers:
    """The exit handlers and finalizers that a flow's own code registers from ``watch`` to ``stop``."""

    def __init__(self) -> None:
        self._handlers: list[Any] = []
        self._of_libraries: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []
        self._made: list[str] = []
        self._finalizers: list[Any] = []
        self._finalize: Any = weakref.finalize
        self._init = self._finalize.__init__
        self._undo: list[Callable[[], None]] = []

    def watch(self) -> None:
        """Notice ``atexit.register`` and ``weakref.finalize`` from here on."""
        register, unregister, init = atexit.register, atexit.unregister, self._init

        def registered(func: Any, *args: Any, **kwargs: Any) -> Any:
            # `weakref` registers one handler for all finalizers, which are noticed below.
            if getattr(func, "__self__", None) is not weakref.finalize:
                if own_code.is_caller():
                    self._handlers.append(func)
                elif not _removes(func, args) and getattr(func, "__module__", "") not in _STANDARD_MODULES:
                    self._of_libraries.append((func, args, kwargs))
            return register(func, *args, **kwargs)

        def unregistered(func: Any) -> None:
            self._of_libraries = [one for one in self._of_libraries if one[0] != func]
            unregister(func)

        @functools.wraps(init)
        def finalizing(one: Any, *args: Any, **kwargs: Any) -> None:
            init(one, *args, **kwargs)
            if own_code.is_caller():
                self._finalizers.append(one)

        making = [(tempfile, name, self._making(getattr(tempfile, name))) for name in _MAKING]
        for module, name, call in (
            (atexit, "register", registered),
            (atexit, "unregister", unregistered),
            *making,
        ):
            self._undo.append(put(module, name, call)[1])
        self._finalize.__init__ = finalizing

    def stop(self) -> None:
        """Restore the functions."""
        for undo in self._undo:
            undo()
        self._finalize.__init__ = self._init

    def _making(self, make: Any) -> Any:
        def making(*args: Any, **kwargs: Any) -> Any:
            found = make(*args, **kwargs)
            self._made.append(found if isinstance(found, str) else found[-1])
            return found

        return making

    def problems(self) -> list[str]:
        """The handlers that this process must run at its end, in one phrase."""
        pending = [one.peek()[1] for one in self._finalizers if one.alive and one.atexit]
        names = sorted({_name(one) for one in (*self._handlers, *pending)})
        if not names and any(map(os.path.exists, self._made)):
            # Which of them removes what the import has left in a temporary folder cannot be known.
            names = sorted({_name(func) for func, _, _ in self._of_libraries})
        return [f"an exit handler ({', '.join(names)})"] if names else []

    def set_child(self) -> None:
        """In a forked child: unregister the host's handlers, except those of the standard library and of libraries."""
        atexit._clear()
        for module, name in reversed(_STANDARD):
            if module in sys.modules:
                atexit.register(getattr(sys.modules[module], name))
        for func, args, kwargs in self._of_libraries:
            atexit.register(func, *args, **kwargs)
        registry: dict[Any, Any] = weakref.finalize._registry  # type: ignore[attr-defined]
        registry.clear()
        weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]


def _removes(handler: Any, args: tuple[Any, ...]) -> bool:
    """Whether a handler seems to remove files: it is called so, or with the path of something that is there."""
    named = _name(handler).lower()  # endr is R's, which removes the folder of its session
    bound = handler.args if isinstance(handler, functools.partial) else ()
    paths = [one for one in (*args, *bound) if isinstance(one, (str, os.PathLike))]
    return (
        named == "endr"
        or any(word in named for word in _REMOVING)
        or any(os.path.exists(one) for one in paths)
    )


def _name(handler: Any) -> str:
    handler = getattr(handler, "func", handler)  # of a partial
    return str(getattr(handler, "__qualname__", type(handler).__name__))
