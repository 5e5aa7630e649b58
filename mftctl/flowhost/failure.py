"""What a failed attempt says of itself: the exception in a line, and the end of its output."""

from __future__ import annotations

from dataclasses import dataclass

from .logs import RECENT_LINES, Stream

#: Lines of output that a failure carries.
TAIL_LINES = 12


@dataclass(frozen=True)
class Failed:
    """``message`` is empty when the output does not say why; ``log`` holds its last lines."""

    message: str
    log: list[str]


def told(streams: tuple[Stream, Stream]) -> Failed:
    """What stdout and stderr of an attempt that failed say.

    The client of a compute backend shows both streams of its task on one of its own, and then how that ended: the
    task's words count, unless it was ended without any.
    """
    lines = _bare([line for stream in streams for line in stream.tail(RECENT_LINES, remote=True)])
    if not any(_is_headline(line) for line in lines):
        lines = streams[1].tail(RECENT_LINES)
    return Failed(_exception(lines), lines[-TAIL_LINES:] or streams[0].tail(TAIL_LINES))


def _bare(lines: list[str]) -> list[str]:
    """The lines without the job's id, which a backend's client puts before each in brackets."""
    marks = {line.partition("]")[0] for line in lines}
    mark = f"{marks.pop()}]" if len(marks) == 1 else ""
    return [line[len(mark) :].removeprefix(" ") for line in lines] if mark.startswith("[") else lines


def _exception(log: list[str]) -> str:
    """What a traceback ends with, or Metaflow's own text below its headline."""
    lines = [line.rstrip() for line in log if line.strip()]
    lines = lines[max((i for i, line in enumerate(lines) if _is_headline(line)), default=-1) + 1 :]
    last = max((i for i, line in enumerate(lines) if line.startswith("Traceback ")), default=None)
    if last is None:
        return " ".join(line.strip() for line in lines)[:300]
    return next((line[:300] for line in lines[last + 1 :] if not line.startswith(" ")), "")


def _is_headline(line: str) -> bool:
    """Whether it is the line with which Metaflow begins to tell why a task failed."""
    return line.startswith("<flow ") and line.rstrip().endswith("> failed:")
