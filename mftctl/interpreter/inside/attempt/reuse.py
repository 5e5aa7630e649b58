"""What a task finds there before it begins: its own result of an earlier execution, or one to clone of another run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ....model.manifest import Launch
from ....model.task import Attempt, TaskRef
from .results import Store


@dataclass(frozen=True)
class Kept:
    """A result that is there: of which task, and the execution of the run in which it was made."""

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
    """Somebody else's execution of the run has begun this very task."""


def kept(store: Store, attempt: Attempt) -> Optional[Kept]:
    """The result of an earlier execution that is kept, or of a lost attempt of this one that had finished well.

    Raises Conflict when the task was begun, but not by an earlier attempt.
    """
    ref, before = attempt.task.ref, attempt.origin_executions
    found = store.finished(ref, range(max(0, attempt.since - before), ref.generation))
    if found is None and attempt.number and store.unreported(ref):
        found = ref
    if found is not None:
        cloned = store.origin_of(found) if attempt.origin is not None else None
        return Kept(found, before + found.generation if cloned is None else cloned)
    if attempt.number == 0 and ref.generation and store.has_begun(ref):
        raise Conflict
    return None


def clone(store: Store, launch: Launch, attempt: Attempt) -> Optional[Clone]:
    """What is to be cloned of the run that this one was made from; None when the task is to be run."""
    if attempt.origin is None:
        return None
    origin, ref = Store(launch, attempt.origin), attempt.task.ref
    found = origin.finished(ref, range(attempt.since, attempt.origin_executions))
    if found is None:
        return None
    store.note_origin(ref, found.generation)
    itself = f"{attempt.origin}/{found.step}/{found.task_id}"
    # The first node of @parallel is the control task itself.
    nodes = [path for path in origin.mappers(found) if path != itself] if attempt.task.control else []
    tasks = [(path.rsplit("/", 1)[1], path) for path in nodes]
    return Clone(found.generation, (*tasks, (ref.task_id, itself)))
