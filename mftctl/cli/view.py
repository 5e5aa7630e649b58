"""What `run` shows while a run goes on: a line an event, as `python flow.py run` writes them."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import Any, TextIO

from ..worker.observer import Observer, TaskEvent
from .output import say


class View(Observer):
    """Shows a run's events. This one writes lines; `live.LiveView` draws."""

    wants_lines = True
    #: Whether it asks for counts of what is to come.
    wants_progress = False

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def begin(self, steps: tuple[str, ...], run: str) -> None:  # noqa: ARG002 - for views that draw
        """The run ``run`` (flow/run id) starts; its flow has these steps."""
        self.write(run.partition("/")[2], "Workflow starting.", time.time())

    def progress(self, counts: dict[str, dict[str, int]]) -> None:
        """Counts of tasks by step."""

    def end(self) -> None:
        """The run has ended: nothing more is shown."""

    def write(self, where: str, text: str, at: float) -> None:
        """One line."""
        self._out.write(f"{stamp(at)} [{where}] {text}\n")
        self._out.flush()

    def started(self, event: TaskEvent) -> None:
        """An attempt begins."""
        retry = f" (attempt {event.attempt + 1})" if event.attempt else ""
        self.write(_where(event), f"Task is starting{retry}.", time.time())

    def line(self, event: TaskEvent, stream: str, text: str, at: float) -> None:  # noqa: ARG002 - as Metaflow
        """It printed a line."""
        self.write(_where(event), text, at)

    def finished(self, event: TaskEvent, outcome: dict[str, Any]) -> None:  # noqa: ARG002
        """It finished well."""
        self.write(_where(event), "Task finished successfully.", time.time())

    def failed(self, event: TaskEvent, message: str, final: bool, log: list[str]) -> None:
        """It failed; where it could still write a log, that says so."""
        again = [] if final else ["It is tried again."]
        text = " ".join(again if log else [f"Task failed: {message}.", *again])
        if text:
            self.write(_where(event), text, time.time())

    def cancelled(self, event: TaskEvent) -> None:
        """It was stopped."""
        self.write(_where(event), "Task was cancelled.", time.time())

    def say(self, message: str) -> None:
        """The worker has something to say."""
        say(message)


def choose(*, data_on_stdout: bool) -> View:
    """The view for this terminal, pipe or file; lines go to stderr when stdout is for the result alone."""
    if data_on_stdout:
        return View(sys.stderr)
    if sys.stdout.isatty() and _can_draw():
        from .live import LiveView

        return LiveView()
    return View(sys.stdout)


def stamp(at: float) -> str:
    """A time as Metaflow writes it."""
    return datetime.fromtimestamp(at).isoformat(" ", "milliseconds")  # noqa: DTZ006 - local time, as Metaflow


def _can_draw() -> bool:
    import os

    return os.environ.get("TERM", "dumb") not in {"dumb", ""}


def _where(event: TaskEvent) -> str:
    return event.pathspec.partition("/")[2]
