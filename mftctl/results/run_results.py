"""What the commands of runs return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..console.output import Time, optional
from ..model.statuses import Status


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a run did not complete; the step, task and attempt are null if no task failed."""

    message: str
    step: str | None
    task: str | None
    attempt: int | None
    """Counted from 0."""
    log: tuple[str, ...]
    """The last lines of the task's log."""


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run, and how it ended."""

    run_id: str
    flow: str
    version: str
    status: Status
    failure: Failure | None = optional()


@dataclass(frozen=True, kw_only=True)
class DeploymentRun(FinishedRun):
    """A run of a deployment: how it ended, or the status that it has now."""

    deployment: str
    worker: bool | None = optional()
    """Whether a worker serves the run; left out if the command waited for the end of the run."""


@dataclass(frozen=True, kw_only=True)
class RunState:
    """A run and its new status."""

    run_id: str
    status: Literal[Status, "cancelling"]


@dataclass(frozen=True, kw_only=True)
class ChangeError:
    """Why a run could not be changed."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class StoppedRun:
    """One of the runs to cancel or terminate: its new status, or the error."""

    run_id: str
    status: Literal[Status, "cancelling"] | None = optional()
    error: ChangeError | None = optional()


@dataclass(frozen=True, kw_only=True)
class TaskCounts:
    """Tasks of a run."""

    done: int
    known: int
    """Tasks known so far; a foreach that has not started yet adds more."""


@dataclass(frozen=True, kw_only=True)
class Delay:
    """What an open run waits for, though nothing of it has failed."""

    reason: Literal["no_worker", "retrying"]
    """No worker serves the task queue, or a task is tried again and again."""
    task_queue: str
    tasks: int
    """Tasks that wait for a worker; 0 if the run itself cannot go on without one."""
    task: str | None
    """The task that is tried again, as STEP/TASK."""
    attempts: int
    """Its attempts that ended without a result."""
    since: Time | None
    """Since when a worker is waited for."""
    message: str


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """A run in a list."""

    run_id: str
    flow: str
    deployment: str
    version: str
    owner: str
    """The user who deployed or ran the flow."""
    status: Status
    started: Time
    ended: Time | None
    seconds: float
    """From the start to the end, or until now."""
    tasks: TaskCounts | None
    failed_step: str | None
    problem: str | None
    """Why the run is stuck."""
    delays: tuple[Delay, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OpenTask:
    """A task of a run that has not ended."""

    run_id: str
    flow: str
    deployment: str
    step: str
    task: str
    state: Literal["running", "waiting", "retrying"]
    """waiting: for a worker; retrying: it has failed, and is due again."""
    attempt: int
    """Counted from 0."""
    since: Time
    """When the attempt began, since when it waits for a worker, or when the retry is due."""
    task_queue: str
    worker: str | None
    """The worker that runs it."""


@dataclass(frozen=True, kw_only=True)
class StepDetails:
    """A step of a run, with counts of its tasks."""

    step: str
    type: str
    next: tuple[str, ...]
    state: Literal["none", "waiting", "running", "done", "failed", "cancelled"]
    known: int
    done: int
    running: int
    """Tasks that run, wait for a worker or wait for a retry."""
    failed: int
    cancelled: int
    kept: int
    """Tasks that finished in an earlier execution of the run."""
    retries: int
    began: Time | None
    ended: Time | None
    seconds: float | None
    """From the start of the first task to the end of the last one, or until now."""


@dataclass(frozen=True, kw_only=True)
class PendingTask:
    """A task that has not ended."""

    step: str
    task: str
    label: str
    """Its step and foreach index, such as train[3]."""
    state: Literal["waiting", "running", "retrying"]
    attempt: int
    """Counted from 0."""
    since: Time | None
    next_attempt: Time | None
    message: str | None
    """How the last attempt failed."""
    worker: str | None


@dataclass(frozen=True, kw_only=True)
class HandlerRun:
    """A compensation or an exit hook that ran."""

    name: str
    task: str | None
    label: str
    state: str
    began: Time | None
    seconds: float | None
    message: str | None


@dataclass(frozen=True, kw_only=True)
class Links:
    """Where to open a run."""

    temporal: str | None
    """URL in Temporal's UI."""
    client: str
    """Expression of Metaflow's Client API."""


@dataclass(frozen=True, kw_only=True)
class RunDetails(RunRow):
    """Everything about a run."""

    pathspec: str
    parameters: dict[str, str]
    origin: str | None
    """The run whose results this one started with."""
    resumed: int
    """How often the run was resumed."""
    task_queue: str
    worker: bool | None
    """Whether a worker serves the run; null if it has ended."""
    worker_version: str | None
    """The version of workers that the run stays on, as NAME:BUILD; null if it stays on none."""
    steps: tuple[StepDetails, ...]
    failure: Failure | None
    pending: tuple[PendingTask, ...]
    compensations: tuple[HandlerRun, ...]
    hooks: tuple[HandlerRun, ...]
    links: Links


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line that a task printed."""

    time: Time
    step: str
    task: str
    attempt: int | None
    """Counted from 0; null for a task of an earlier outcome."""
    stream: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """An artifact of a task."""

    name: str
    type: str
    text: str | None
    """The value as text, shortened."""
    size: int | None
    """Bytes in the datastore."""
    value: Any
    """The value, if it is short and JSON can represent it."""
    problem: str | None
    """Why the value is not shown."""


@dataclass(frozen=True, kw_only=True)
class ReportFile:
    """The report of a run."""

    run_id: str
    file: str
