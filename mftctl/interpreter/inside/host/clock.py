"""Whether a flow's own code reads the clock or the process id while it is imported: its tasks would all see the same.

Libraries read the clock for themselves (for caches, seeds, timeouts, log records), and nothing of it matters to tasks.
So only a read that the flow's own code asks for counts: directly, through the standard library or code that is made of
text (``email.utils.formatdate()``, a dataclass's ``default_factory``), or through a library's ``now()`` or ``today()``.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import functools
import gc
import os
import sys
import time
import uuid
from types import FrameType
from typing import Any, Callable, Optional

from .. import own_code


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
    # Where it is written in C, it reads the clock there.
    (uuid, "uuid1"): _always,
}
#: Clocks that tell how long something takes: a moment of theirs is kept at the top of a module or class, elsewhere it
#: is of a duration that is over when the import is.
_DURATIONS = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
#: Modules of the standard library that read the clock or the process id for themselves, whoever calls them.
_FOR_THEMSELVES = frozenset(
    (
        *("asyncio", "cProfile", "concurrent", "gzip", "http", "importlib", "multiprocessing", "pkgutil"),
        *("profile", "queue", "random", "runpy", "selectors", "shutil", "socket", "socketserver", "sqlite3"),
        *("ssl", "subprocess", "tarfile", "tempfile", "threading", "timeit", "unittest", "urllib"),
        *("warnings", "zipfile"),
    )
)
#: Flag of the code of functions; that at the top of a module or class has it not.
_OPTIMIZED = 1
#: Class methods of types written in C, whose attributes cannot be set.
_METHODS = ((dt.datetime, "now"), (dt.datetime, "utcnow"), (dt.date, "today"))
#: How libraries name what gives the time, and what a frame is skipped for on the way to who asks (arrow, pendulum).
_NAMES = frozenset({"now", "utcnow", "today", "utctoday"})


#: Of the frame that reads a clock: the frame of the flow's own code that it reads it for, or None.
Who = Callable[[FrameType], Optional[FrameType]]


class Clock:
    """Watches the clock from `watch` to `stop`."""

    def __init__(self) -> None:
        self._read: dict[str, str] = {}
        self._undo: list[Callable[[], None]] = []
        self._wrapped: dict[int, tuple[Any, Any]] = {}
        self._stopped = False

    def watch(self) -> None:
        """From here on, notice who reads the clock."""
        for (module, name), reads in _FUNCTIONS.items():
            if hasattr(module, name):
                self._watch_function(module, name, reads, _asking)
        for name in _DURATIONS:
            self._watch_function(time, name, _always, _keeping)
        for kind, name in _METHODS:
            self._watch_method(kind, name)

    def stop(self) -> None:
        """The import is over: everything is again as it was."""
        for undo in self._undo:
            undo()
        self._undo.clear()
        self._stopped = True
        self._forget_wrapped()

    def read(self) -> list[str]:
        """What was read, and where first: ``the time read at train.py:3``."""
        return [f"{what} read at {where}" for what, where in self._read.items()]

    def _watch_function(
        self, module: Any, name: str, reads: Callable[[tuple[Any, ...]], bool], who: Who
    ) -> None:
        original = getattr(module, name)
        what = "the process id" if module is os else "the time"

        @functools.wraps(original)
        def watched(*args: Any, **kwargs: Any) -> Any:
            if reads(args):
                self._note(what, who)
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
            self._note("the time", _asking)
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

    def _note(self, what: str, who: Who) -> None:
        # The flow may have kept a wrapper, which is called as long as the process lives.
        if self._stopped or what in self._read:
            return
        frame = who(sys._getframe(2))
        if frame is not None:
            self._read[what] = own_code.place(frame.f_code.co_filename, frame.f_lineno)

    def _forget_wrapped(self) -> None:
        """Give the modules that hold a wrapped function (``from time import time``) the function itself."""
        for module in list(sys.modules.values()):
            names = getattr(module, "__dict__", {})
            for name, value in list(names.items()):
                wrapped, original = self._wrapped.get(id(value), (None, None))
                if wrapped is not None:
                    names[name] = original
        self._wrapped.clear()


def _asking(reader: FrameType) -> Optional[FrameType]:
    """Who asks for the time through whatever only passes it on."""
    frame: Optional[FrameType] = reader
    while frame is not None:
        file = frame.f_code.co_filename
        if _is_for_itself(frame):
            return None
        if frame.f_code.co_name not in _NAMES and not file.startswith("<") and not own_code.is_standard(file):
            return frame if own_code.is_own(file) else None
        frame = frame.f_back
    return None


def _keeping(reader: FrameType) -> Optional[FrameType]:
    """Who may keep the moment that it reads."""
    frame = _asking(reader)
    direct = reader is frame or reader.f_code.co_filename.startswith("<")
    return frame if frame is not None and direct and not frame.f_code.co_flags & _OPTIMIZED else None


def _is_for_itself(frame: FrameType) -> bool:
    """Whether it is of an import, of a log record, or of a module whose reads nobody sees."""
    if frame.f_code.co_filename.startswith("<frozen importlib"):
        return True
    module = str(frame.f_globals.get("__name__"))
    if module.partition(".")[0] == "logging":
        return frame.f_code.co_name == "makeRecord" or module == "logging.handlers"
    return module.partition(".")[0] in _FOR_THEMSELVES and own_code.is_standard(frame.f_code.co_filename)
