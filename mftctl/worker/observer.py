"""What a worker reports about its tasks, for its own log or the live view of `mftctl run`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..model.task import Task


@dataclass(frozen=True)
class TaskEvent:
    """The attempt that an event is about."""

    flow: str
    run_id: str
    task: Task
    attempt: int

    @property
    def pathspec(self) -> str:
        """Metaflow's name of the task."""
        return f"{self.flow}/{self.run_id}/{self.task.ref.step}/{self.task.ref.task_id}"


@dataclass(frozen=True)
class NextAttempt:
    """The next attempt at a task: retry ``number`` (from 1) of ``total``, at Unix time ``at``."""

    number: int
    total: int
    at: float


class Observer:
    """Receives the events of every attempt and ignores them. ``wants_lines``: send output line by line."""

    wants_lines = False

    def started(self, event: TaskEvent) -> None:
        """An attempt started."""

    def line(self, event: TaskEvent, stream: str, text: str, at: float) -> None:
        """It printed a line at Unix time ``at``."""

    def finished(self, event: TaskEvent, outcome: dict[str, Any]) -> None:
        """It completed; ``outcome`` as in ``model.task.Outcome``."""

    def failed(
        self, event: TaskEvent, message: str, final: bool, log: list[str], again: NextAttempt | None = None
    ) -> None:
        """It failed; ``final``: without another attempt, else ``again`` is the next one."""

    def cancelled(self, event: TaskEvent) -> None:
        """It was stopped because its run was cancelled."""

    def hook(self, flow: str, run_id: str, name: str, ok: bool, output: list[str]) -> None:
        """A function of @exit_hook was called, and printed ``output``."""

    def say(self, message: str) -> None:
        """Show a message of the worker."""
