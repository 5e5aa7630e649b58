"""What a worker says of its tasks: a line an event on stderr."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from ..worker.observer import NextAttempt, Observer, TaskEvent
from .output import say
from .retries import words


class TaskLog(Observer):
    """Events of tasks as lines; their output goes to Metaflow's logs alone."""

    def started(self, event: TaskEvent) -> None:
        """An attempt begins."""
        _write(event, "started" + (f" (attempt {event.attempt + 1})" if event.attempt else ""))

    def finished(self, event: TaskEvent, outcome: dict[str, Any]) -> None:  # noqa: ARG002 - the observer's
        """It finished well."""
        _write(event, "finished")

    def failed(
        self,
        event: TaskEvent,
        message: str,
        final: bool,  # noqa: ARG002
        log: list[str],  # noqa: ARG002
        again: NextAttempt | None = None,
    ) -> None:
        """It failed."""
        _write(event, f"failed: {message}" + ("" if again is None else f"; {words(again)}"))

    def cancelled(self, event: TaskEvent) -> None:
        """It was stopped."""
        _write(event, "stopped")

    def hook(self, flow: str, run_id: str, name: str, ok: bool, output: list[str]) -> None:  # noqa: ARG002
        """A function of @exit_hook was called."""
        _note(f"{flow}/{run_id} exit hook {name} {'finished' if ok else 'failed'}")

    def say(self, message: str) -> None:
        """The worker has something to say."""
        say(message)


def _write(event: TaskEvent, what: str) -> None:
    _note(f"{event.pathspec} {what}")


def _note(text: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    sys.stderr.write(f"{now} {text}\n")
    sys.stderr.flush()
