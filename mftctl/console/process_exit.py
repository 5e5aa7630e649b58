"""Exit the process: with exit handlers and flushed output, but without interpreter shutdown.

A process that used temporalio can crash in that shutdown after its work is done (temporalio/sdk-python#300).
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """Exit at once, whatever the threads are doing."""
    try:
        atexit._run_exitfuncs()  # noqa: SLF001 - what the interpreter would call
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
    finally:
        os._exit(code)
