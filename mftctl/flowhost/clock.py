"""Whether a flow's own code reads the clock or the process id while it is imported: its tasks would all see the same.

Libraries read the clock when they are imported (for log records, caches, seeds), and nothing of it matters to tasks.
So only a read by the flow's own code counts, directly or through a library's ``now()`` or ``today()``.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import functools
import gc
import os
import sys
import time
from types import FrameType
from typing import Any, Callable, Optional

from . import owncode


def _always(_: tuple[Any, ...]) -> bool:
    return True


def _not_given(args: tuple[Any, ...]) -> bool:
    return not args or args[0] is None


#: Functions of modules, and with which arguments they read the clock.
_FUNCTIONS: dict[tuple[Any, str], Callable[[tuple[Any, ...]], bool]] = {
    (time, "time"): _always,
    (time, "time_ns"): _always,
    (time, "clock_gettime"): lambda args: args == (time.CLOCK_REALTIME,),
    (time, "clock_gettime_ns"): lambda args: args == (time.CLOCK_REALTIME,),
    (time, "localtime"): _not_given,
    (time, "gmtime"): _not_given,
    (time, "ctime"): _not_given,
    (time, "asctime"): _not_given,
    (time, "strftime"): lambda args: len(args) < 2,
    (os, "getpid"): _always,
}
#: Class methods of types written in C, whose attributes cannot be set.
_METHODS = ((dt.datetime, "now"), (dt.datetime, "utcnow"), (dt.date, "today"))
#: How libraries name what gives the time, and what a frame is skipped for on the way to who asks (arrow, pendulum).
_NAMES = frozenset({"now", "utcnow", "today", "utctoday"})


class Clock:
    """Watches the clock from `watch` to `stop`."""

    def __init__(self) -> None:
        self._read: dict[str, str] = {}
        self._undo: list[Callable[[], None]] = []
        self._wrapped: dict[int, tuple[Any, Any]] = {}

    def watch(self) -> None:
        """From here on, notice who reads the clock."""
        for (module, name), reads in _FUNCTIONS.items():
            if hasattr(module, name):
                self._watch_function(module, name, reads)
        for kind, name in _METHODS:
            self._watch_method(kind, name)

    def stop(self) -> None:
        """The import is over: everything is again as it was."""
        for undo in self._undo:
            undo()
        self._undo.clear()
        self._forget_wrapped()

    def read(self) -> list[str]:
        """What was read, and where first: ``the time read at train.py:3``."""
        return [f"{what} read at {where}" for what, where in self._read.items()]

    def _watch_function(self, module: Any, name: str, reads: Callable[[tuple[Any, ...]], bool]) -> None:
        original = getattr(module, name)
        what = "the process id" if module is os else "the time"

        @functools.wraps(original)
        def watched(*args: Any, **kwargs: Any) -> Any:
            if reads(args):
                self._note(what)
            return original(*args, **kwargs)

        self._wrapped[id(watched)] = (watched, original)
        setattr(module, name, watched)

        def undo() -> None:
            # The flow may have put a function of its own there.
            if getattr(module, name, None) is watched:
                setattr(module, name, original)

        self._undo.append(undo)

    def _watch_method(self, kind: Any, name: str) -> None:
        # The one way to see calls of a type written in C without another type in its place, which the flow could keep.
        (attributes,) = gc.get_referents(kind.__dict__)
        original = attributes[name]

        def watched(cls: Any, *args: Any, **kwargs: Any) -> Any:
            self._note("the time")
            return original.__get__(None, cls)(*args, **kwargs)

        watched.__name__ = name

        def put(method: Any) -> None:
            attributes[name] = method
            ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))

        ours = classmethod(watched)
        put(ours)

        def undo() -> None:
            if attributes.get(name) is ours:
                put(original)

        self._undo.append(undo)

    def _note(self, what: str) -> None:
        frame: Optional[FrameType] = sys._getframe(2)
        while frame is not None and frame.f_code.co_name in _NAMES:
            frame = frame.f_back
        if frame is not None and what not in self._read and owncode.is_own(frame.f_code.co_filename):
            self._read[what] = owncode.place(frame.f_code.co_filename, frame.f_lineno)

    def _forget_wrapped(self) -> None:
        """Give the modules that hold a wrapped function (``from time import time``) the function itself."""
        for module in list(sys.modules.values()):
            names = getattr(module, "__dict__", {})
            for name, value in list(names.items()):
                wrapped, original = self._wrapped.get(id(value), (None, None))
                if wrapped is not None:
                    names[name] = original
        self._wrapped.clear()
