"""What Python does when a process ends, except tearing down modules: a tenth of a second where metaflow is imported."""

from __future__ import annotations

import _io
import atexit
import gc
import sys
import threading
import traceback
from contextlib import suppress
from typing import Any

#: Files that write nothing when they are closed.
_BUFFERS = (_io.BufferedWriter, _io.BufferedRandom, _io.BufferedRWPair, _io.BufferedReader, _io.BytesIO)


def run() -> None:
    """Do what the interpreter does at its end, in its order, except tearing down modules. Raises nothing."""
    for part in (threading._shutdown, atexit._run_exitfuncs, _close_files):  # type: ignore[attr-defined]
        try:
            part()
        except BaseException:
            traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # closed, or nobody reads it
            stream.flush()


def _close_files() -> None:
    """Write the buffers of files, as their finalizers do. Files from before the fork are frozen (``gc.freeze``)."""
    found = [one for one in gc.get_objects() if issubclass(type(one), _io._IOBase)]
    made = [one for one in found if not issubclass(type(one), (_io._TextIOBase, _io._RawIOBase, _BUFFERS))]
    # A text file writes to its buffer; a file on top of another (gzip) writes its end when it is closed.
    _each(found, _io._TextIOBase, "flush")
    _each(made, _io._IOBase, "close")
    _each(found, _BUFFERS, "flush")


def _each(files: list[Any], kind: Any, what: str) -> None:
    for one in files:
        if issubclass(type(one), kind):
            with suppress(Exception):  # as the interpreter does
                if one.writable():
                    getattr(one, what)()
