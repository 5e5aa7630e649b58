"""What a worker tells about its tasks as they go: for its own log, or the live view of `run`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..model.task import Task


@dataclass(frozen=True)
class TaskEvent:
    """Which attempt something happened to."""

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
    """Told of every attempt; does nothing by itself. ``wants_lines``: output comes line by line."""

    wants_lines = False

    def started(self, event: TaskEvent) -> None:
        """An attempt begins."""

    def line(self, event: TaskEvent, stream: str, text: str, at: float) -> None:
        """It printed a line at Unix time ``at``."""

    def finished(self, event: TaskEvent, outcome: dict[str, Any]) -> None:
        """It finished well; ``outcome`` as in tasks.Outcome."""

    def failed(
        self, event: TaskEvent, message: str, final: bool, log: list[str], again: NextAttempt | None = None
    ) -> None:
        """It failed; ``final``: there will be no other attempt, else ``again`` says when."""

    def cancelled(self, event: TaskEvent) -> None:
        """It was stopped because its run was cancelled."""

    def hook(self, flow: str, run_id: str, name: str, ok: bool, output: list[str]) -> None:
        """A function of @exit_hook was called, and printed ``output``."""

    def say(self, message: str) -> None:
        """The worker has something to say."""
