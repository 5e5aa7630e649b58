"""An attempt at a task, and the retry that follows it, as a worker reports them and views show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .task import Task


@dataclass(frozen=True)
class Attempt:
    """An attempt at a task of a run: ``number`` counts from 0. ``trace``: the id of its trace, if it is traced."""

    flow: str
    run_id: str
    task: Task
    number: int
    trace: Optional[str] = None

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
