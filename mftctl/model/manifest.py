"""The manifest: a compiled flow, as the compiler, control, engine, worker and host share it.

The flow's interpreter imports it too, so it needs Python 3.9 and the standard library only. It contains no secrets:
those of decorators and services are read where they are used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from .codec import from_plain, to_plain
from .parameter import Parameter
from .resources import NOTHING, Resources, queue_for

SCHEMA_VERSION = 4
#: Metaflow's MAX_ATTEMPTS: its datastore ignores attempts from this number on.
MAX_ATTEMPTS = 6


@dataclass(frozen=True)
class Dispatch:
    """How Temporal hands out the tasks of a step: its @temporal and the option ``--step-queue``.

    ``queue``: their task queue (default: the deployment's). ``priority``, 1 (first) to 5, and ``fairness_key``: among
    the tasks of the same task queue (default: the run's). In seconds: ``start_to_close``, how long an attempt may take;
    ``schedule_to_start``, how long it may wait for a worker; ``heartbeat``, after how long without a sign of its worker
    an attempt is lost. Of @resources: ``needs``, what each takes of its worker's machine, and ``memory`` in MB, the
    most that it may take where a worker enforces that.
    """

    queue: Optional[str] = None
    priority: Optional[int] = None
    fairness_key: Optional[str] = None
    start_to_close: Optional[float] = None
    schedule_to_start: Optional[float] = None
    heartbeat: Optional[float] = None
    needs: Resources = NOTHING
    memory: Optional[int] = None

    def queue_of(self, default: str) -> str:
        """The task queue that the tasks wait in; ``default``: the deployment's, or the run's."""
        return queue_for(self.queue or default, self.needs)


@dataclass(frozen=True)
class Step:
    """A step and what its decorators ask of whoever runs it.

    ``type`` is Metaflow's node type (start, linear, split, foreach, split-switch, join, end). ``split`` names, for a
    join, the split or foreach it closes; ``join`` names, for a split or foreach, the join that closes it. ``delay``
    and ``timeout`` are seconds. ``rewrites``: a decorator rewrites the command or its environment, so that the task
    runs as a new process that asks the decorators first. ``elsewhere``: one of them may take it to another machine.
    ``compensation`` names the handler that undoes the step. ``dispatch``: how Temporal hands out its tasks.
    """

    name: str
    type: str
    next: tuple[str, ...] = ()
    split: Optional[str] = None
    join: Optional[str] = None
    parallel: bool = False
    user_retries: int = 0
    error_retries: int = 0
    delay: float = 0.0
    timeout: Optional[float] = None
    rewrites: bool = field(default=False, metadata={"key": "launch"})
    elsewhere: bool = False
    compensation: Optional[str] = None
    dispatch: Dispatch = Dispatch()

    @property
    def attempts(self) -> int:
        """How many attempts Metaflow grants, the fallback of @catch included."""
        return min(1 + self.user_retries + self.error_retries, MAX_ATTEMPTS)


@dataclass(frozen=True)
class Package:
    """The code package: ``sha`` is its key in the datastore, ``metadata`` is Metaflow's, with which it is opened."""

    sha: str
    url: str
    metadata: str


@dataclass(frozen=True)
class Launch:
    """What a worker on any machine needs to start the tasks of a run.

    ``options``: top-level options of each task's command line. ``step_options``: those of a step's tasks, by step,
    where --with became something else for each, as @kubernetes with the step's @resources. ``decorators``: those of
    --with, as given. ``env``: variables, none of them secret. ``cwd``: the working folder (default: one with the files
    of the package). ``left_out``: suffixes of files that were beside the flow, and modules outside of its folder, that
    are not in the package, for the message of a task that misses one. ``spellings``: of parameters that have one
    (``Parameter``).
    """

    flow: str
    file: str
    package: Package
    python: str
    metadata: str
    datastore: str
    datastore_root: str
    environment: str
    event_logger: str
    monitor: str
    options: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    decorators: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    namespace: Optional[str] = None
    cwd: Optional[str] = None
    left_out: tuple[str, ...] = ()
    spellings: dict[str, str] = field(default_factory=dict)
    step_options: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Schedule:
    """When runs start by themselves: the flow's @schedule and the options of its deployment.

    ``cron`` is an expression of AWS EventBridge, ``timezone`` an IANA name (default: UTC). ``overlap``: see
    ``model.overlap``. Runs that were missed in the last ``catchup_window`` seconds, while the server was down, start
    late.
    """

    cron: str
    timezone: Optional[str] = None
    overlap: str = "skip"
    catchup_window: float = 86400.0
    pause_on_failure: bool = False


@dataclass(frozen=True)
class Trigger:
    """An event that a deployment waits for; ``type`` is ``run`` for the success of a run of another flow.

    ``parameters``: pairs of a parameter and the field of the event's payload with its value.
    """

    name: str
    type: str = "event"
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Receiver:
    """A receiver of notifications; ``key_env`` names the worker's variable with the key that signs them."""

    url: str
    key_env: Optional[str] = None


@dataclass(frozen=True)
class Manifest:
    """A compiled flow and its deployment.

    ``triggers``: a run starts when an event of each has come. ``compensations``: the handlers that undo steps.
    ``success_hooks`` and ``error_hooks`` name the functions of @exit_hook. ``token``: the production token, with which
    others than the owner may change the deployment. ``title`` and ``description`` of its runs are for Temporal's UI;
    ``priority``, 1 (first) to 5, is theirs among the runs of the same task queue (default: 3).
    """

    deployment: str
    launch: Launch
    start: str
    end: str
    steps: tuple[Step, ...]
    task_queue: str
    owner: str
    parameters: tuple[Parameter, ...] = ()
    project: Optional[str] = None
    branch: Optional[str] = None
    max_workers: int = 100
    workflow_timeout: Optional[float] = None
    success_hooks: tuple[str, ...] = ()
    error_hooks: tuple[str, ...] = ()
    schedule: Optional[Schedule] = None
    triggers: tuple[Trigger, ...] = ()
    compensations: tuple[Step, ...] = ()
    notify: tuple[Receiver, ...] = ()
    token: Optional[str] = None
    title: Optional[str] = None
    description: Optional[str] = None
    priority: Optional[int] = None
    schema_version: int = 0

    @property
    def flow(self) -> str:
        """The flow's name."""
        return self.launch.flow

    @property
    def version(self) -> str:
        """A digest of all that a run depends on: the same code and options have the same version."""
        launch = dataclasses.replace(self.launch, left_out=())
        plain = to_plain(
            dataclasses.replace(self, launch=launch, task_queue="", owner="", token=None, schema_version=0)
        )
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]

    def without_retry_delay(self) -> Manifest:
        """The same without @retry's delay between attempts, as under `python flow.py run`."""
        return self._with_each_step(lambda step: dataclasses.replace(step, delay=0.0))

    def without_step_queues(self) -> Manifest:
        """The same with all tasks on the task queue of the run, as for the one worker of `mftctl run`."""

        def here(step: Step) -> Step:
            dispatch = dataclasses.replace(step.dispatch, queue=None, schedule_to_start=None, needs=NOTHING)
            return dataclasses.replace(step, dispatch=dispatch)

        return self._with_each_step(here)

    @property
    def step_queues(self) -> dict[str, tuple[str, ...]]:
        """The task queues that steps have beside that of the deployment, each with the names of its steps."""
        queues: dict[str, tuple[str, ...]] = {}
        for step in (*self.steps, *self.compensations):
            queue = step.dispatch.queue_of(self.task_queue)
            if queue != self.task_queue:
                queues[queue] = (*queues.get(queue, ()), step.name)
        return queues

    @property
    def handlers(self) -> dict[str, Step]:
        """The compensation handlers by name."""
        return {step.name: step for step in self.compensations}

    @property
    def graph(self) -> dict[str, Step]:
        """The steps by name."""
        return {step.name: step for step in self.steps}

    def to_plain(self) -> dict[str, Any]:
        """JSON values, with the lowest version of the schema that reads them correctly.

        Version 1 would pass a parameter with a ``spelling`` to the flow as ``--name value``, version 2 would ignore the
        ``dispatch`` of steps, version 3 the ``step_options``.
        """
        dispatched = any(step.dispatch != Dispatch() for step in (*self.steps, *self.compensations))
        needed = {4: self.launch.step_options, 3: dispatched, 2: self.launch.spellings, 1: True}
        schema = next(version for version, needs in needed.items() if needs)
        plain: dict[str, Any] = to_plain(dataclasses.replace(self, schema_version=schema))
        return plain

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> Manifest:
        """The manifest from the values of ``to_plain``; ValueError for a newer schema than this program's."""
        if plain.get("schema_version", 0) > SCHEMA_VERSION:
            raise ValueError(
                f"manifest schema {plain['schema_version']} is newer than this mftctl ({SCHEMA_VERSION})"
            )
        return from_plain(Manifest, plain)

    def _with_each_step(self, changed: Callable[[Step], Step]) -> Manifest:
        steps, handlers = (
            tuple(changed(step) for step in several) for several in (self.steps, self.compensations)
        )
        return dataclasses.replace(self, steps=steps, compensations=handlers)
