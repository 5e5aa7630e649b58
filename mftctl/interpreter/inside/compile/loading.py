"""What went wrong while a flow's file was imported: a line that says where, and the user's own traceback."""

from __future__ import annotations

import os
import traceback
from types import TracebackType
from typing import Optional

from .. import own_code

#: Characters of an error's text in the line; lines of a traceback, from its end.
MAX_TEXT, MAX_LINES = 300, 40


def headline(file: str, place: str, error: BaseException) -> str:
    """``helper.py:3: ValueError: …``: the last line of the user's own; ``file`` as typed, ``place`` its full path."""
    if isinstance(error, SyntaxError) and error.filename:
        where, line, text = error.filename, error.lineno, str(error.msg)
    else:
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename, place)]
        where, line = (own[-1].filename, own[-1].lineno) if own else (place, None)
        text = str(error)
    name = file if where == place else _short(where)
    text = " ".join(text.split())
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT].rpartition(" ")[0] + " …"
    kind = type(error).__name__
    return f"{name}{'' if line is None else f':{line}'}: {kind}" + (f": {text}" if text else "")


def own_traceback(place: str, error: BaseException) -> tuple[str, ...]:
    """The traceback as `python FILE` prints it: from the user's file on; without it where there is nothing to see."""
    start: Optional[TracebackType] = error.__traceback__
    while start is not None and start.tb_frame.f_code.co_filename != place:
        start = start.tb_next
    if start is None and not isinstance(error, SyntaxError):
        return ()
    lines = "".join(traceback.format_exception(type(error), error, start)).rstrip().splitlines()
    return tuple(lines[-MAX_LINES:])


def _is_own(file: str, place: str) -> bool:
    return file == place or own_code.is_own(file)


def _short(file: str) -> str:
    """A path below the working folder as it is from there."""
    here = os.path.join(os.getcwd(), "")
    return file.removeprefix(here)
