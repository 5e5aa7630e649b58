"""Results that a task finds before it begins: its own of an earlier execution, or one of another run to clone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ....model.task import TaskInput, TaskRef
from .run_store import RunStore


@dataclass(frozen=True)
class EarlierResult:
    """A result that is kept: of which task, and the execution of the run in which it was made."""

    ref: TaskRef
    since: int


@dataclass(frozen=True)
class Clone:
    """A result of another run: ``execution`` is the one that made it.

    ``tasks`` are the ids here and the paths there of what is to be cloned, the task itself last; before it those that
    a control task has started.
    """

    execution: int
    tasks: tuple[tuple[str, str], ...]


class Conflict(Exception):
    """Another execution of the run has begun this very task."""


def earlier_result(store: RunStore, given: TaskInput) -> Optional[EarlierResult]:
    """The result of an earlier execution, or of a lost attempt of this one that had finished well.

    Raises Conflict when the task was begun, but not by an earlier attempt.
    """
    ref, before = given.task.ref, given.origin_executions
    found = store.finished(ref, range(max(0, given.since - before), ref.generation))
    if found is None and given.attempt and store.unreported(ref):
        found = ref
    if found is not None:
        cloned = store.origin_of(found) if given.origin is not None else None
        return EarlierResult(found, before + found.generation if cloned is None else cloned)
    if given.attempt == 0 and ref.generation and store.has_begun(ref):
        raise Conflict
    return None


def clone_of(store: RunStore, given: TaskInput) -> Optional[Clone]:
    """What is to be cloned of the run that this one was made from; None when the task is to be run."""
    if given.origin is None:
        return None
    origin, ref = RunStore(given.launch, given.origin), given.task.ref
    found = origin.finished(ref, range(given.since, given.origin_executions))
    if found is None:
        return None
    store.note_origin(ref, found.generation)
    itself = f"{given.origin}/{found.step}/{found.task_id}"
    # The first node of @parallel is the control task itself.
    nodes = [path for path in origin.mappers(found) if path != itself] if given.task.control else []
    tasks = [(path.rsplit("/", 1)[1], path) for path in nodes]
    return Clone(found.generation, (*tasks, (ref.task_id, itself)))
