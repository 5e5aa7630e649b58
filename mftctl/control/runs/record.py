"""The record of a run: its tasks with their attempts, its compensations and hooks, and counts by step.

It is built from the histories of the run's workflows (``history.py``), which needs no worker and no datastore.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ...model.manifest import Manifest

Kind = Literal["task", "compensation", "hook"]
#: ``waiting``: for a worker; ``retrying``: for its next attempt; ``kept``: an earlier execution had finished it.
State = Literal["waiting", "running", "retrying", "done", "kept", "failed", "cancelled"]
OVER: tuple[State, ...] = ("done", "kept", "failed", "cancelled")

_LABEL = re.compile(r"^[^\[#]+(?:\[([\d,]+)\])?(?:#(\d+))?$")


@dataclass
class AttemptRecord:
    """One attempt at a task, times in Unix seconds; ``state`` is running, done, failed, cancelled or lost.

    ``began`` is None when it is not known.
    """

    number: int
    state: str
    began: float | None = None
    ended: float | None = None
    message: str = ""
    worker: str = ""


@dataclass
class TaskRecord:
    """A task of a run; ``attempts`` may lack those that were lost before they were reported.

    ``next_attempt``: when a ``retrying`` task starts again, ``next_number``: as which attempt (from 0). ``artifacts``:
    their names. ``widens``: the steps of the foreach that a finished task opened, with the number of splits.
    """

    kind: Kind
    step: str
    task_id: str
    label: str
    scheduled: float
    state: State = "waiting"
    attempts: list[AttemptRecord] = field(default_factory=list)
    ended: float | None = None
    message: str = ""
    log: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    next_attempt: float | None = None
    next_number: int = 0
    widens: dict[str, int] = field(default_factory=dict)

    @property
    def path(self) -> tuple[int, ...]:
        """Its foreach path."""
        found = _LABEL.match(self.label)
        return tuple(int(one) for one in found[1].split(",")) if found and found[1] else ()

    @property
    def began(self) -> float | None:
        """When its first attempt began, if that is known."""
        return next((one.began for one in self.attempts if one.began is not None), None)

    @property
    def retries(self) -> int:
        """The number of attempts after the first."""
        return max((one.number for one in self.attempts), default=0)

    @property
    def seconds(self) -> float | None:
        """Seconds from its first attempt to its end."""
        return None if self.began is None or self.ended is None else self.ended - self.began


@dataclass
class StepRecord:
    """The tasks of a step: counts by state, and the time from the first attempt to the last end."""

    name: str
    known: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    retries: int = 0
    began: float | None = None
    ended: float | None = None
    times: list[float] = field(default_factory=list)

    def count(self, task: TaskRecord) -> None:
        """Count a task."""
        self.known += 1
        self.counts[task.state] = self.counts.get(task.state, 0) + 1
        self.retries += task.retries
        self.began = _of(min, self.began, task.began)
        self.ended = _of(max, self.ended, task.ended)
        if task.seconds is not None and task.state == "done":
            self.times.append(task.seconds)

    def finish(self) -> None:
        """Complete the record, after all tasks were counted."""
        self.times.sort()
        if self.active:
            self.ended = None

    @property
    def spread(self) -> tuple[float, float, float] | None:
        """Seconds of its finished tasks: of the shortest, the one in the middle, the longest."""
        return (self.times[0], self.times[len(self.times) // 2], self.times[-1]) if self.times else None

    @property
    def done(self) -> int:
        """Tasks that completed, in this or an earlier execution."""
        return self.counts.get("done", 0) + self.counts.get("kept", 0)

    @property
    def active(self) -> int:
        """Tasks that run, or wait for a worker or a retry."""
        return sum(self.counts.get(state, 0) for state in ("waiting", "running", "retrying"))

    @property
    def state(self) -> str:
        """The state of the step: failed, running, cancelled, done, waiting (more tasks will come) or none."""
        if self.counts.get("failed"):
            return "failed"
        if self.active:
            return "running" if self.active > self.counts.get("waiting", 0) or self.done else "waiting"
        if self.counts.get("cancelled"):
            return "cancelled"
        if self.known and self.done >= self.known:
            return "done"
        return "waiting" if self.known else "none"


class RunRecord:
    """The record of a run so far. ``seed``: counts of executions whose history the server no longer has."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.tasks: dict[str, TaskRecord] = {}
        self.seed: dict[str, dict[str, int]] = {}

    def of(self, kind: Kind) -> Iterator[TaskRecord]:
        """The tasks of a kind, in the order in which they were scheduled."""
        # A copy: a board draws in a thread of its own, while tasks are added.
        return (one for one in list(self.tasks.values()) if one.kind == kind)

    def steps(self) -> dict[str, StepRecord]:
        """The flow's steps with their records, by name."""
        steps = {step.name: StepRecord(step.name) for step in self.manifest.steps}
        for name in steps.keys() & self.seed.keys():
            done = self.seed[name].get("done", 0)
            steps[name].known = done
            steps[name].counts = {"done": done} if done else {}
        tasks = [task for task in self.of("task") if task.step in steps]
        splits = Counter[str]()
        for task in tasks:
            steps[task.step].count(task)
            splits.update(task.widens)
        # What was known and not done is, or will be, in the histories that are there.
        splits |= Counter(
            {name: max(splits[name], counts.get("known", 0)) for name, counts in list(self.seed.items())}
        )
        for name, width in splits.items():
            if name in steps:
                steps[name].known = max(steps[name].known, width)
        for step in steps.values():
            step.finish()
        return steps

    def tally(self) -> tuple[int, int]:
        """The number of tasks done, and of tasks known."""
        steps = self.steps().values()
        return sum(step.done for step in steps), sum(step.known for step in steps)

    def failed(self) -> list[TaskRecord]:
        """The tasks that failed finally, in the order of their ends."""
        failed = [one for one in self.tasks.values() if one.state == "failed"]
        return sorted(failed, key=lambda one: one.ended or 0.0)


def _of(choose: Any, one: float | None, other: float | None) -> float | None:
    given = [value for value in (one, other) if value is not None]
    return choose(given) if given else None
