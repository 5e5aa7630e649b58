"""What `run` shows while a run goes on: a line an event, as `python flow.py run` writes them."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from ..worker.observer import NextAttempt, Observer, TaskEvent
from . import output
from .output import event as send
from .retries import sentence


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
        """One line. That nobody reads it is no reason to fail a task."""
        with suppress(OSError):
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

    def failed(
        self, event: TaskEvent, message: str, final: bool, log: list[str], again: NextAttempt | None = None
    ) -> None:
        """It failed; where it could still write a log, that says so."""
        told = [] if final or again is None else [f"{sentence(again)}."]
        text = " ".join(told if log else [f"Task failed: {message}.", *told])
        if text:
            self.write(_where(event), text, time.time())

    def cancelled(self, event: TaskEvent) -> None:
        """It was stopped."""
        self.write(_where(event), "Task was cancelled.", time.time())

    def hook(self, flow: str, run_id: str, name: str, ok: bool, output: list[str]) -> None:  # noqa: ARG002
        """A function of @exit_hook was called."""
        for line in output if ok else [*output, f"Hook '{name}' failed."]:
            self.write(f"{run_id}/@exit_hook", line, time.time())

    def say(self, message: str) -> None:
        """The worker has something to say."""
        output.say(message)


class EventView(View):
    """Events for programs: JSON objects in jsonl, nothing in json and name."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def begin(self, steps: tuple[str, ...], run: str) -> None:
        """The run starts."""
        output.event({"event": "run_started", "run": run, "steps": list(steps)})

    def started(self, event: TaskEvent) -> None:
        """An attempt begins."""
        _tell("task_started", event)

    def line(self, event: TaskEvent, stream: str, text: str, at: float) -> None:
        """It printed a line."""
        time_ = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        _tell("line", event, stream=stream, text=text, time=time_)

    def finished(self, event: TaskEvent, outcome: dict[str, Any]) -> None:  # noqa: ARG002
        """It finished well."""
        _tell("task_finished", event)

    def failed(
        self,
        event: TaskEvent,
        message: str,
        final: bool,
        log: list[str],  # noqa: ARG002
        again: NextAttempt | None = None,
    ) -> None:
        """It failed."""
        due = None if again is None else datetime.fromtimestamp(again.at, UTC).isoformat(timespec="seconds")
        _tell("task_failed", event, message=message, final=final, next_attempt=due)

    def cancelled(self, event: TaskEvent) -> None:
        """It was stopped."""
        _tell("task_cancelled", event)

    def hook(self, flow: str, run_id: str, name: str, ok: bool, output: list[str]) -> None:
        """A function of @exit_hook was called."""
        event = {"event": "exit_hook", "run": f"{flow}/{run_id}", "hook": name, "ok": ok, "output": output}
        send(event)


def choose(form: output.Format) -> View:
    """The view for this format, and this terminal, pipe or file."""
    if form != "text":
        return EventView()
    if draws(sys.stdout):
        from .live import LiveView

        return LiveView()
    return View(sys.stdout)


def draws(out: TextIO) -> bool:
    """Whether it is a terminal that can be drawn on."""
    return out.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", ""}


def stamp(at: float) -> str:
    """A time as Metaflow writes it."""
    return datetime.fromtimestamp(at).isoformat(" ", "milliseconds")  # noqa: DTZ006 - local time, as Metaflow


def _where(event: TaskEvent) -> str:
    return event.pathspec.partition("/")[2]


def _tell(what: str, event: TaskEvent, **more: Any) -> None:
    output.event({"event": what, "task": event.pathspec, "attempt": event.attempt, **more})
