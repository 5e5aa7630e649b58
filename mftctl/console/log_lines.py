"""The log of a worker: lines for people, or with `--log-format json` a JSON object for each line.

Everything that a worker writes is of the one form: its own lines, the error that ends it, and what its processes and
libraries print.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from ..model.errors import MftctlError
from . import output
from .output import SCHEMA_VERSION, Level, LogFormat, Time, optional, to_json


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line of `mftctl worker --log-format json`. Keys without a value are left out."""

    time: Time
    level: Level
    """info; warning: something will be tried again, or needs a look; error: a task failed for good, or the worker."""
    message: str
    source: Literal["worker", "output"] = "worker"
    """worker: the worker's own line; output: what a host or a library prints; not what tasks print."""
    event: str | None = optional()
    """What happened to a task: task_started, task_finished, task_failed, task_cancelled; or exit_hook."""
    flow: str | None = optional()
    run_id: str | None = optional()
    step: str | None = optional()
    task: str | None = optional()
    """The task's id."""
    attempt: int | None = optional()
    """Counted from 0."""
    trace_id: str | None = optional()
    """The id of the run's trace, if it is traced."""
    next_attempt: Time | None = optional()
    """With task_failed: when the task is tried again; left out if it is not."""
    hook: str | None = optional()
    """The function of @exit_hook."""
    code: str | None = optional()
    """With an error that ends the worker: its kind."""
    hint: str | None = optional()
    """With an error that ends the worker: what to do about it."""


#: How each line of the worker itself begins.
_OURS = f'{{"schema_version": {SCHEMA_VERSION}, "time": '


def begin(form: LogFormat) -> Callable[[bytes, bool], bytes] | None:
    """Write in this form from now on; what `background` needs for what others print, None for text."""
    if form == "text":
        return None
    output.messages_as(_message, _error)
    return frame


def task_line(level: Level, message: str, **about: Any) -> None:
    """Write a line about a task or an exit hook; ``about``: fields of ``LogLine``."""
    if output.has_plain_messages():
        sys.stderr.write(f"{_now()} {message}\n")
        sys.stderr.flush()
    else:
        output.say(message, level, **about)


def frame(line: bytes, foreign: bool) -> bytes:
    """A line without its newline as a whole JSON line; ``foreign``: another process printed it."""
    text = line.decode("utf-8", "replace").rstrip()
    if not foreign and text.startswith(_OURS):
        return line + b"\n"
    return _message("info", text, source="output").encode() if text else b""


def _message(level: Level, message: str, **about: Any) -> str:
    line = LogLine(time=Time(_now()), level=level, message=message, **about)
    return json.dumps({"schema_version": SCHEMA_VERSION, **to_json(line)}, ensure_ascii=False) + "\n"


def _error(error: MftctlError) -> str:
    return _message("error", error.message, code=error.code, hint=error.hint or None)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
