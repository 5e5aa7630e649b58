"""Views of a run that this process serves: lines as `python flow.py run` writes them, or JSON events."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

from ...console.output import event as send_event
from ...console.output import say
from ...console.text import log_time
from ...model.attempt import Attempt, NextAttempt
from ...model.task import Outcome
from ...worker.observer import Observer
from ..pending_retries import retry_sentence


class LineView(Observer):
    """Writes one line per event."""

    wants_lines = True
    #: Whether it needs counts of tasks that have not started.
    wants_progress = False

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def begin(self, steps: tuple[str, ...], run: str) -> None:  # noqa: ARG002 - for the board
        """The run ``run`` (flow/run id) starts; its flow has these steps."""
        self.write(run.partition("/")[2], "Workflow start.", time.time())

    def progress(self, counts: dict[str, dict[str, int]]) -> None:
        """Counts of tasks by step."""

    def end(self) -> None:
        """The run has ended."""

    def write(self, where: str, text: str, at: float) -> None:
        """Write one line; a task does not fail because its output has no reader."""
        with suppress(OSError):
            self._out.write(f"{log_time(at)} [{where}] {text}\n")
            self._out.flush()

    def started(self, attempt: Attempt) -> None:
        """An attempt starts."""
        retry = f" (attempt {attempt.number + 1})" if attempt.number else ""
        self.write(_where(attempt), f"Task is starting{retry}.", time.time())

    def line(self, attempt: Attempt, stream: str, text: str, at: float) -> None:  # noqa: ARG002 - as Metaflow
        """The attempt printed a line."""
        self.write(_where(attempt), text, at)

    def finished(self, attempt: Attempt, outcome: Outcome) -> None:  # noqa: ARG002
        """The attempt succeeded."""
        self.write(_where(attempt), "Task finished successfully.", time.time())

    def failed(self, attempt: Attempt, message: str, log: Sequence[str], again: NextAttempt | None) -> None:
        """The attempt failed; if the task could write a log, the message is in it."""
        retry = [] if again is None else [f"{retry_sentence(again)}."]
        text = " ".join(retry if log else [f"Task failed: {message}.", *retry])
        if text:
            self.write(_where(attempt), text, time.time())

    def cancelled(self, attempt: Attempt) -> None:
        """The attempt was cancelled."""
        self.write(_where(attempt), "Task was cancelled.", time.time())

    def hook(self, flow: str, run_id: str, name: str, ok: bool, output: list[str]) -> None:  # noqa: ARG002
        """An exit hook ran."""
        for line in output if ok else [*output, f"Hook '{name}' failed."]:
            self.write(f"{run_id}/@exit_hook", line, time.time())

    def report(self, message: str, about: Attempt | str | None = None) -> None:  # noqa: ARG002
        """Write a message of the worker to stderr."""
        say(message)


class JsonView(LineView):
    """Writes events as JSON objects with ``-o jsonl``, and nothing in other formats."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def begin(self, steps: tuple[str, ...], run: str) -> None:
        """The run starts."""
        send_event({"event": "run_started", "run": run, "steps": list(steps)})

    def started(self, attempt: Attempt) -> None:
        """An attempt starts."""
        _send("task_started", attempt)

    def line(self, attempt: Attempt, stream: str, text: str, at: float) -> None:
        """The attempt printed a line."""
        time_ = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        _send("line", attempt, stream=stream, text=text, time=time_)

    def finished(self, attempt: Attempt, outcome: Outcome) -> None:  # noqa: ARG002
        """The attempt succeeded."""
        _send("task_finished", attempt)

    def failed(
        self,
        attempt: Attempt,
        message: str,
        log: Sequence[str],  # noqa: ARG002
        again: NextAttempt | None,
    ) -> None:
        """The attempt failed."""
        due = None if again is None else datetime.fromtimestamp(again.at, UTC).isoformat(timespec="seconds")
        _send("task_failed", attempt, message=message, final=again is None, next_attempt=due)

    def cancelled(self, attempt: Attempt) -> None:
        """The attempt was cancelled."""
        _send("task_cancelled", attempt)

    def hook(self, flow: str, run_id: str, name: str, ok: bool, output: list[str]) -> None:
        """An exit hook ran."""
        send_event(
            {"event": "exit_hook", "run": f"{flow}/{run_id}", "hook": name, "ok": ok, "output": output}
        )

    def report(self, message: str, about: Attempt | str | None = None) -> None:
        """Send a message of the worker."""
        super().report(message, about)
        if isinstance(about, Attempt):
            _send("message", about, message=message)
        else:
            send_event({"event": "message", "run_id": about, "message": message})


def _where(attempt: Attempt) -> str:
    return attempt.pathspec.partition("/")[2]


def _send(what: str, attempt: Attempt, **more: Any) -> None:
    send_event({"event": what, "task": attempt.pathspec, "attempt": attempt.number, **more})
