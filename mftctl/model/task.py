"""Tasks: one execution of a step in a run, where its inputs come from, and what it decided.

Standard library only: the engine plans tasks, the worker passes them on, the flow's interpreter runs them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Optional

from . import ids
from .codec import Serializable
from .manifest import Launch
from .variables import COMPENSATION


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
    ``since``: the execution of the run, counted from 0, in which their results were made (``RunInput.execution``).
    """

    ref: TaskRef
    count: Optional[int] = None
    low: int = 0
    mappers: bool = False
    since: int = 0

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
    def since(self) -> int:
        """The first execution of the run in which all that feeds it was as it is now: older results of it are void."""
        return max((given.since for given in self.inputs), default=0)

    @property
    def label(self) -> str:
        """Its name for people: ``train``, ``train[3]``, ``train[3,1]``, ``loop#2``."""
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
class TaskInput(Serializable):
    """A task to run, as the engine passes it to a worker, and a worker to a supervisor.

    The supervisor makes the step's command line and environment of it. Where decorators rewrite the command
    (``rewrites``), the process that calls their hooks gets all of it.

    It is the payload of the task's activity, so a worker needs to know nothing else of the run. A new field needs a
    default: tasks that older workers have started lack it, and older workers ignore it.

    ``launch`` is how the run's tasks start, ``task`` which one it is. ``attempt``: Metaflow's number of this attempt,
    from 0; the worker sets it. Of the step: ``user_retries`` and ``error_retries`` (a supervisor raises the first by
    the attempts that were lost with their worker, so that @catch's fallback starts when it should), ``delay`` and
    ``timeout`` in seconds, ``rewrites`` (a decorator rewrites the command, see ``Step``), ``elsewhere``, and ``limit``,
    the seconds after which an attempt is stopped and fails. ``memory`` in MB, of @resources: a worker that enforces it
    stops what takes more. ``pausable``: a paused run does not start it.
    ``parameters``: the run's, for its first task. ``variables``: what the run adds to the environment. ``since``: a
    result that an execution of the run from this one on has left is kept. ``origin``: the run whose results this one
    clones, and which had ``origin_executions``, counted before those of this run.
    """

    launch: Launch
    run_id: str
    task: Task
    attempt: int = 0
    user_retries: int = 0
    error_retries: int = 0
    delay: float = 0.0
    timeout: Optional[float] = None
    rewrites: bool = False
    elsewhere: bool = False
    limit: Optional[float] = None
    memory: Optional[int] = None
    pausable: bool = False
    since: int = 0
    origin: Optional[str] = None
    origin_executions: int = 0
    parameters: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def attempts(self) -> int:
        """How many attempts Metaflow grants, apart from those that are lost."""
        return 1 + self.user_retries + self.error_retries

    @property
    def plain_step(self) -> bool:
        """Whether its process runs the step command of the flow as it is, and nothing before it."""
        return bool(self.task.inputs) and not self.rewrites and COMPENSATION not in self.variables

    @property
    def environment(self) -> dict[str, str]:
        """What the task's process has in its environment beside what its host has."""
        return {"METAFLOW_RUN_ID": self.run_id, **self.variables}
