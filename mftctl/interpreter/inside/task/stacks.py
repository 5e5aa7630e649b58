"""Hides mftctl's frames in stacks, which then read as those of `python flow.py run`.

A forked task runs inside the host, whose frames stay on the interpreter's stack. Modules that record stacks
(`traceback`, `inspect`, so @timeout and log records) leave them out; `sys._getframe` and `faulthandler` show them.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Optional

from .. import own_code


def hide_own_frames() -> None:
    """Hide mftctl's frames in recorded stacks and uncaught exceptions of this process."""
    if getattr(traceback.walk_stack, "__module__", None) != __name__:
        walk, outer = traceback.walk_stack, inspect.getouterframes

        def walk_stack(f: Optional[FrameType]) -> Iterator[tuple[FrameType, int]]:
            """Walk a stack yielding the frame and line number for each frame, as Python's function does."""
            shown = walk(sys._getframe(1) if f is None else f)
            return (
                (frame, line) for frame, line in shown if not own_code.is_mftctl(frame.f_code.co_filename)
            )

        def getouterframes(frame: Any, context: int = 1) -> list[inspect.FrameInfo]:
            """Get a list of records for a frame and all higher (calling) frames, as Python's function does."""
            return [one for one in outer(frame, context) if not own_code.is_mftctl(one.filename)]

        traceback.walk_stack, inspect.getouterframes = walk_stack, getouterframes
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _print_exception


def _print_exception(kind: type[BaseException], error: BaseException, found: Optional[TracebackType]) -> None:
    """Print it from its first frame that is not mftctl's; whole when there is none."""
    shown = found
    while shown is not None and own_code.is_mftctl(shown.tb_frame.f_code.co_filename):
        shown = shown.tb_next
    shown = shown or found
    sys.__excepthook__(kind, error.with_traceback(shown), shown)
