"""Why an attempt failed, read from its output: the exception in one line, and the last lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

from .. import own_code
from .logs import RECENT_LINES, Output

#: Lines of output that a failure carries.
TAIL_LINES = 12
#: Characters of an exception that its headline has.
LONGEST = 300

_FRAME = re.compile(r' +File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>.+)')
#: Code on other machines that is not the flow's: their Python's, and Metaflow's.
_LIBRARY = re.compile(
    r"(^|/)(lib/python3\.\d+/|\.mf_code/metaflow/|metaflow/((plugins|cli_components|user_decorators|_vendor)/|(task|cli)\.py))"
)


@dataclass(frozen=True)
class Failure:
    """``message`` is empty when the output does not say why; ``log`` holds its last lines."""

    message: str
    log: list[str]


def failure_in(output: Output) -> Failure:
    """The failure that the output of an attempt shows.

    The client of a compute backend prints both streams of its task to one of its own, and then how the task ended:
    the task's own lines count, unless there are none.
    """
    lines = _bare(output.tail(RECENT_LINES, remote=True))
    if not any(_is_headline(line) for line in lines):
        lines = output.stderr.tail(RECENT_LINES)
    return Failure(_exception(lines), lines[-TAIL_LINES:] or output.stdout.tail(TAIL_LINES))


def _bare(lines: list[str]) -> list[str]:
    """The lines without the job's id, which a backend's client puts before each in brackets."""
    marks = {line.partition("]")[0] for line in lines}
    mark = f"{marks.pop()}]" if len(marks) == 1 else ""
    return [line[len(mark) :].removeprefix(" ") for line in lines] if mark.startswith("[") else lines


def _exception(log: list[str]) -> str:
    """What a traceback ends with and the flow's own last frame in it, or Metaflow's own text below its headline."""
    lines = [line.rstrip() for line in log if line.strip()]
    lines = lines[max((i for i, line in enumerate(lines) if _is_headline(line)), default=-1) + 1 :]
    last = max((i for i, line in enumerate(lines) if line.startswith("Traceback ")), default=None)
    if last is None:
        return _short(" ".join(lines))
    frames: list[str] = []
    for line in lines[last + 1 :]:
        if not line.startswith(" "):
            where = next(filter(None, map(_own_frame, reversed(frames))), None)
            return _short(line) + (f" ({where})" if where else "")
        frames.append(line)
    return ""


def _own_frame(line: str) -> Optional[str]:
    """Where the flow's own code was, when this line of a traceback says so: ``train.py:41 in fit``."""
    found = _FRAME.fullmatch(line)
    if found is None or _LIBRARY.search(found["file"]) or not own_code.is_own(found["file"]):
        return None
    place = own_code.place(found["file"], int(found["line"]))
    return place if found["name"] == "<module>" else f"{place} in {found['name']}"


def _short(text: str) -> str:
    """One line, cut at a word, unless that would leave out a long one, such as a path."""
    text = " ".join(text.split())
    if len(text) <= LONGEST:
        return text
    shown = text[: LONGEST - 2]
    words = shown.rpartition(" ")[0]
    return f"{words if len(words) > LONGEST // 2 else shown} …"


def _is_headline(line: str) -> bool:
    """Whether it is the line that begins Metaflow's report of why a task failed."""
    return line.startswith("<flow ") and line.rstrip().endswith("> failed:")
