"""Compensations: what an unsuccessful run runs for its finished tasks, the last one first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from temporalio.exceptions import ActivityError, ApplicationError

from ..model.codec import from_plain, to_plain
from ..model.manifest import Step
from ..model.task import Input, Task, TaskRef
from ..model.variables import COMPENSATION
from .commands import run_task
from .payloads import RunInput

#: Finished tasks from which on they are carried in few characters each.
PACK_FROM = 5000
#: A finished task and when it finished (Unix seconds), as child workflows of a wide foreach report them.
Finished = tuple[TaskRef, float]


class Compensations:
    """The compensations of the finished tasks of a run, or of a child workflow."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self._handlers = {step.name: step.compensation for step in steps if step.compensation}
        self._finished: list[Finished] = []

    @property
    def wanted(self) -> bool:
        """Whether any step has a compensation."""
        return bool(self._handlers)

    def add(self, ref: TaskRef, at: float) -> None:
        """Note that a task finished ``at`` that time (Unix seconds)."""
        if ref.step in self._handlers:
            self._finished.append((ref, at))

    def merge(self, plain: list[Any]) -> None:
        """Add the dump of a child workflow, or of this one before it continued as new."""
        self._finished += [(_unpacked(ref), at) for ref, at in plain]

    def dump(self) -> list[Any]:
        """JSON values."""
        return [[_packed(ref, len(self._finished)), at] for ref, at in self._finished]

    def tasks(self, generation: int) -> list[Task]:
        """The compensations to run, in order, as tasks."""
        # The sort is stable: tasks that finished at the same time keep their order.
        by_time = sorted(self._finished, key=lambda one: one[1])
        return [
            Task(TaskRef(str(self._handlers[ref.step]), ref.path, ref.iteration, generation), (Input(ref),))
            for ref, _ in reversed(by_time)
        ]


def dump_tasks(tasks: list[Task]) -> list[Any]:
    """Compensations as JSON values."""
    if len(tasks) <= PACK_FROM:  # as workers of before read them, too
        return [to_plain(task) for task in tasks]
    return [[task.ref.step, _packed(task.inputs[0].ref, len(tasks))] for task in tasks]


def load_tasks(plain: list[Any], given: RunInput) -> list[Task]:
    """The compensations of ``dump_tasks``, of a run."""

    def one(dumped: Any) -> Task:
        if isinstance(dumped, dict):
            return from_plain(Task, dumped)
        handler, ref = dumped[0], _unpacked(dumped[1])
        return Task(TaskRef(handler, ref.path, ref.iteration, given.generation), (Input(ref),))

    return [one(dumped) for dumped in plain]


def _packed(ref: TaskRef, among: int) -> Any:
    """A finished task as JSON values; in few characters where it is one of many, for the server's limit of 2 MiB."""
    if among <= PACK_FROM:  # as workers of before read it, too
        return to_plain(ref)
    return f"{ref.step}:{'.'.join(map(str, ref.path))}:{ref.iteration}:{ref.generation}"


def _unpacked(plain: Any) -> TaskRef:
    if not isinstance(plain, str):
        return from_plain(TaskRef, plain)
    step, path, iteration, generation = plain.split(":")
    return TaskRef(step, tuple(map(int, path.split("."))) if path else (), int(iteration), int(generation))


async def compensate(given: RunInput, task: Task) -> str | None:
    """Run one compensation; its error, or None. An error does not stop the other compensations."""
    handler = given.manifest.handlers[task.ref.step]
    run = replace(
        given,
        origin=None,
        origin_executions=0,
        since={handler.name: given.generation},  # those of an earlier execution run again
        variables={**given.variables, COMPENSATION: handler.name},
    )
    try:
        await run_task(run, handler, task)
    except (ActivityError, ApplicationError) as error:  # the second: no worker took it
        cause = error.cause if isinstance(error, ActivityError) else error
        return cause.message if isinstance(cause, ApplicationError) else str(cause)
    return None
