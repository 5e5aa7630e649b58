"""Tasks: one execution of a step in a run, where its inputs come from, and what it decided.

Standard library only: the engine makes tasks, the worker carries them, the flow host runs them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Optional

from . import ids


@dataclass(frozen=True)
class TaskRef:
    """Which task: a step at a foreach path (split indices from the outermost in) and iteration of its loop.

    ``generation``: how often the run had been resumed when it was first started.
    """

    step: str
    path: tuple[int, ...] = ()
    iteration: int = 0
    generation: int = 0

    @property
    def task_id(self) -> str:
        """Its Metaflow task id."""
        return ids.task_id(self.step, self.path, self.iteration, self.generation)


@dataclass(frozen=True)
class Input:
    """Tasks that feed a task, in order, described rather than listed so that a wide join stays small.

    Without ``count`` it is the one task ``ref``. With it, the tasks of ``ref.step`` in the splits ``low`` to
    ``low + count - 1`` below ``ref.path``. ``mappers``: the tasks that the @parallel control task ``ref`` started.
    ``kept``: their results are those of an earlier execution of a resumed run.
    """

    ref: TaskRef
    count: Optional[int] = None
    low: int = 0
    mappers: bool = False
    kept: bool = False

    def refs(self) -> list[TaskRef]:
        """The tasks it stands for (for ``mappers``: the control task)."""
        if self.count is None:
            return [self.ref]
        return [replace(self.ref, path=(*self.ref.path, self.low + i)) for i in range(self.count)]


@dataclass(frozen=True)
class Task:
    """A task to run. ``inputs`` empty: it is the first, fed by the run's parameters."""

    ref: TaskRef
    inputs: tuple[Input, ...] = ()
    split_index: Optional[int] = None
    control: bool = False

    @property
    def may_keep(self) -> bool:
        """Whether all that feeds it is as it was in an earlier execution, so that its own result may be as well."""
        return all(given.kept for given in self.inputs)

    @property
    def label(self) -> str:
        """How people read it: ``train``, ``train[3]``, ``train[3,1]``, ``loop#2``."""
        where = f"[{','.join(map(str, self.ref.path))}]" if self.ref.path else ""
        return f"{self.ref.step}{where}" + (f"#{self.ref.iteration}" if self.ref.iteration else "")


@dataclass(frozen=True)
class Outcome:
    """What a finished task decided: the steps it goes to, and the width of the foreach it opens.

    ``parallel`` is the number of tasks of an unbounded foreach (@parallel), which one control task runs.
    """

    next: tuple[str, ...] = ()
    splits: Optional[int] = None
    parallel: bool = False


@dataclass(frozen=True)
class Attempt:
    """One attempt at a task, as the worker asks it of a flow host.

    ``number`` is Metaflow's attempt; ``user_retries`` the budget of user code, raised by the attempts that were lost
    with their worker, so that @catch's fallback starts when it should. ``launch`` and ``elsewhere`` are the step's.
    ``keep``: take the result of an earlier generation where there is one. ``origin``: the run that this one was made
    from, and whose results are cloned; ``origin_generation`` is the last of its generations.
    """

    run_id: str
    task: Task
    number: int = 0
    user_retries: int = 0
    parameters: dict[str, str] = field(default_factory=dict)
    launch: bool = False
    elsewhere: bool = False
    keep: bool = False
    origin: Optional[str] = None
    origin_generation: int = 0
