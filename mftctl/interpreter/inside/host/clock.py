"""Notices a flow that reads the clock or the process id while it is imported: all forked tasks would see one value.

Libraries read the clock for themselves (caches, seeds, timeouts, log records), which does not matter to tasks. A read
counts when the flow's own code makes it: directly, through the standard library or generated code
(``email.utils.formatdate()``, a dataclass's ``default_factory``), or through a library's ``now()`` or ``today()``.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import gc
import os
import sys
import time
import uuid
from types import FrameType
from typing import Any, Callable, Optional

from .. import own_code
from .stand_in import put


def _always(_: tuple[Any, ...]) -> bool:
    return True


def _not_given(args: tuple[Any, ...]) -> bool:
    return not args or args[0] is None


#: Functions, and whether they read the clock with given arguments.
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
    # In C, it reads the clock itself.
    (uuid, "uuid1"): _always,
}
#: Clocks that measure durations: a value that is read at the top of a module or class may be kept; elsewhere it is of
#: a duration within the import.
_DURATIONS = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
#: Modules of the standard library whose own reads never count.
_INTERNAL = frozenset(
    (
        *("asyncio", "cProfile", "concurrent", "gzip", "http", "importlib", "multiprocessing", "pkgutil"),
        *("profile", "queue", "random", "runpy", "selectors", "shutil", "socket", "socketserver", "sqlite3"),
        *("ssl", "subprocess", "tarfile", "tempfile", "threading", "timeit", "unittest", "urllib"),
        *("warnings", "zipfile"),
    )
)
#: Flag of a function's code; code at the top of a module or class does not have it.
_OPTIMIZED = 1
#: Class methods of types written in C, whose attributes cannot be set.
_METHODS = ((dt.datetime, "now"), (dt.datetime, "utcnow"), (dt.date, "today"))
#: Names of libraries' functions that return the time (arrow, pendulum): their callers read the clock.
_NAMES = frozenset({"now", "utcnow", "today", "utctoday"})


#: Maps the frame that reads a clock to the frame of the flow's own code that the read is for, or None.
FindReader = Callable[[FrameType], Optional[FrameType]]


class Clock:
    """Watches the clock from ``watch`` to ``stop``."""

    def __init__(self) -> None:
        self._read: dict[str, str] = {}
        self._undo: list[Callable[[], None]] = []
        self._wrapped: dict[int, tuple[Any, Any]] = {}
        self._stopped = False

    def watch(self) -> None:
        """Notice reads of the clock from here on."""
        for (module, name), reads in _FUNCTIONS.items():
            if hasattr(module, name):
                self._watch_function(module, name, reads, _reader)
        for name in _DURATIONS:
            self._watch_function(time, name, _always, _keeping_reader)
        for kind, name in _METHODS:
            self._watch_method(kind, name)

    def stop(self) -> None:
        """Restore all functions."""
        for undo in self._undo:
            undo()
        self._undo.clear()
        self._stopped = True
        self._unwrap()

    def problems(self) -> list[str]:
        """What was read, and where first: ``the time read at train.py:3``."""
        return [f"{what} read at {where}" for what, where in self._read.items()]

    def _watch_function(
        self, module: Any, name: str, reads: Callable[[tuple[Any, ...]], bool], find: FindReader
    ) -> None:
        original = getattr(module, name)
        what = "the process id" if module is os else "the time"

        def call(*args: Any, **kwargs: Any) -> Any:
            if reads(args):
                self._note(what, find, 3)
            return original(*args, **kwargs)

        watched, undo = put(module, name, call)
        self._wrapped[id(watched)] = (watched, original)
        self._undo.append(undo)

    def _watch_method(self, kind: Any, name: str) -> None:
        # To replace the type would not do: the flow could keep the replacement.
        (attributes,) = gc.get_referents(kind.__dict__)
        original = attributes[name]

        def watched(cls: Any, *args: Any, **kwargs: Any) -> Any:
            self._note("the time", _reader, 2)
            return original.__get__(None, cls)(*args, **kwargs)

        watched.__name__ = name

        def set_method(method: Any) -> None:
            attributes[name] = method
            ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))

        ours = classmethod(watched)
        set_method(ours)

        def undo() -> None:
            if attributes.get(name) is ours:
                set_method(original)

        self._undo.append(undo)

    def _note(self, what: str, find: FindReader, calls: int) -> None:
        """Note a read, whose frame is so many calls above."""
        # The flow may have kept a wrapper, which works as long as the process lives.
        if self._stopped or what in self._read:
            return
        frame = find(sys._getframe(calls))
        if frame is not None:
            self._read[what] = own_code.place(frame.f_code.co_filename, frame.f_lineno)

    def _unwrap(self) -> None:
        """Put the function itself into modules that hold its wrapper (``from time import time``)."""
        for module in list(sys.modules.values()):
            names = getattr(module, "__dict__", {})
            for name, value in list(names.items()):
                wrapped, original = self._wrapped.get(id(value), (None, None))
                if wrapped is not None:
                    names[name] = original
        self._wrapped.clear()


def _reader(first: FrameType) -> Optional[FrameType]:
    """The flow's frame that reads the time, directly or through code that only passes it on."""
    frame: Optional[FrameType] = first
    while frame is not None:
        file = frame.f_code.co_filename
        if _is_internal(frame):
            return None
        if frame.f_code.co_name not in _NAMES and not file.startswith("<") and not own_code.is_standard(file):
            return frame if own_code.is_own(file) else None
        frame = frame.f_back
    return None


def _keeping_reader(first: FrameType) -> Optional[FrameType]:
    """The flow's frame that reads the time where it may keep it."""
    frame = _reader(first)
    direct = first is frame or first.f_code.co_filename.startswith("<")
    return frame if frame is not None and direct and not frame.f_code.co_flags & _OPTIMIZED else None


def _is_internal(frame: FrameType) -> bool:
    """Whether a read in this frame never counts: of an import, a log record, or an internal module."""
    if frame.f_code.co_filename.startswith("<frozen importlib"):
        return True
    module = str(frame.f_globals.get("__name__"))
    if module.partition(".")[0] == "logging":
        return frame.f_code.co_name == "makeRecord" or module == "logging.handlers"
    return module.partition(".")[0] in _INTERNAL and own_code.is_standard(frame.f_code.co_filename)
