"""Manifest: what a compiled flow is. The one language that compiler, control, engine, worker and flow host share.

Standard library only, and readable by Python 3.9, because it is also imported by the flow's interpreter. It holds no
secret: what decorators and services keep secret is read where it is used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Optional

from .codec import from_plain, to_plain

SCHEMA_VERSION = 2
#: Metaflow's MAX_ATTEMPTS: its datastore ignores attempts from this number on.
MAX_ATTEMPTS = 6
#: How the spelling of a flag begins; what its bare option stands for comes next.
FLAG = "flag:"


@dataclass(frozen=True)
class Step:
    """A step and what its decorators ask of whoever runs it.

    ``type`` is Metaflow's node type (start, linear, split, foreach, split-switch, join, end). ``split`` names, for a
    join, the split or foreach it closes; ``join`` names, for a split or foreach, the join that closes it. ``delay``
    and ``timeout`` are seconds. ``rewrites``: a decorator rewrites the command or its environment, so that the task
    runs as a new process that asks the decorators first. ``elsewhere``: one of them may take it to another machine.
    ``compensation`` names the handler that undoes the step.
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

    @property
    def attempts(self) -> int:
        """How many attempts Metaflow grants, the fallback of @catch included."""
        return min(1 + self.user_retries + self.error_retries, MAX_ATTEMPTS)


@dataclass(frozen=True)
class Parameter:
    """A flow's parameter as ``trigger`` needs to know it.

    ``type`` is one of int, float, bool, str, json, file. ``default`` is a value evaluated at deploy (a function as
    default), as text for the command line; other defaults stay in the code.

    ``spelling``: how the command line has it, where that is not ``--name value``: ``multiple`` and ``nargs`` (the value
    is a JSON list of words), ``count``, or ``flag:X`` (the bare option stands for X). ``nargs``: words it takes.
    ``choices`` (``any_case``: of letters in any case), ``least`` and ``most`` bound each word.
    """

    name: str
    type: str = "str"
    required: bool = False
    default: Optional[str] = None
    help: str = ""
    is_text: bool = True
    encoding: str = "utf-8"
    spelling: str = ""
    nargs: int = 1
    choices: tuple[str, ...] = ()
    any_case: bool = False
    least: Optional[float] = None
    most: Optional[float] = None

    @property
    def several(self) -> bool:
        """Whether its value is a JSON list of words."""
        return self.spelling in ("multiple", "nargs")

    @property
    def bare(self) -> Optional[str]:
        """What the bare option stands for, of a flag."""
        return bare_of(self.spelling)

    @property
    def must_be_given(self) -> bool:
        """Whether no run can start without a value for it."""
        return self.required and self.default is None


def bare_of(spelling: str) -> Optional[str]:
    """What the bare option of a parameter with this spelling stands for; None where it is no flag."""
    return spelling[len(FLAG) :] if spelling.startswith(FLAG) else None


@dataclass(frozen=True)
class Package:
    """The code package in the datastore: ``sha`` is its key there, ``metadata`` how it is to be opened."""

    sha: str
    url: str
    metadata: str


@dataclass(frozen=True)
class Launch:
    """What every task of a run needs to be started, wherever its worker is.

    ``options`` are top-level options of every task's command line; ``decorators`` those given with --with, as they were
    given. ``env`` holds variables that are no secret. ``cwd``: the folder to run in (default: one that shows the code).
    ``left_out``: suffixes of files that were beside the flow, and modules outside of its folder, that are not in the
    package, for the message of a task that misses one.
    ``spellings``: of parameters that have one (see ``Parameter``).
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


@dataclass(frozen=True)
class Schedule:
    """When runs start by themselves: the flow's @schedule and what its deployment adds.

    ``cron`` is an expression of AWS EventBridge, ``timezone`` an IANA name (default: UTC). ``overlap``: what becomes of
    a run that is due while the one before goes on (skip, buffer-one, cancel-other, allow-all). Runs missed in the last
    ``catchup_window`` seconds, while the server was down, are made up for.
    """

    cron: str
    timezone: Optional[str] = None
    overlap: str = "skip"
    catchup_window: float = 86400.0
    pause_on_failure: bool = False


@dataclass(frozen=True)
class Trigger:
    """An event that a deployment waits for: ``type`` is ``run`` for the good end of a run of another flow.

    ``parameters`` are pairs of a parameter and the field of the event's payload that gives it its value.
    """

    name: str
    type: str = "event"
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Receiver:
    """Who is told of a run's end; ``key_env`` names the worker's variable with the key that signs it."""

    url: str
    key_env: Optional[str] = None


@dataclass(frozen=True)
class Manifest:
    """A compiled flow: its graph, its parameters, how its tasks start and how its runs are bounded.

    ``triggers``: a run starts once an event of each has come. ``compensations``: the handlers that undo steps.
    ``success_hooks`` and ``error_hooks`` name the functions of @exit_hook. ``token``: the production token, with which
    others than the owner may change the deployment. ``title`` and ``description`` are what Temporal's UI shows of its
    runs; ``priority``, 1 (first) to 5, is theirs among the runs of the same task queue (default: 3).
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
        """Digest of all that a run of this manifest depends on: the same code and options give the same version."""
        launch = dataclasses.replace(self.launch, left_out=())
        plain = to_plain(
            dataclasses.replace(self, launch=launch, task_queue="", owner="", token=None, schema_version=0)
        )
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def summary(self) -> str:
        """What a list of runs in Temporal's UI says of each."""
        return self.title or f"{self.flow} {self.version}"

    def retried_at_once(self) -> Manifest:
        """The same, but no attempt waits for @retry's minutes, as none does under `python flow.py run`."""
        steps, handlers = (
            tuple(dataclasses.replace(step, delay=0.0) for step in several)
            for several in (self.steps, self.compensations)
        )
        return dataclasses.replace(self, steps=steps, compensations=handlers)

    def step(self, name: str) -> Step:
        """The step of that name; KeyError when there is none."""
        return self.graph[name]

    @property
    def handlers(self) -> dict[str, Step]:
        """The compensation handlers by name, with the retries that their decorators ask for."""
        return {step.name: step for step in self.compensations}

    @property
    def graph(self) -> dict[str, Step]:
        """The steps by name."""
        return {step.name: step for step in self.steps}

    def to_plain(self) -> dict[str, Any]:
        """JSON values, with the lowest version of the schema that reads them rightly.

        Version 1 would give a parameter that has a ``spelling`` to the flow as ``--name value``.
        """
        schema = SCHEMA_VERSION if self.launch.spellings else 1
        plain: dict[str, Any] = to_plain(dataclasses.replace(self, schema_version=schema))
        return plain

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> Manifest:
        """The manifest that ``to_plain`` gave; ValueError for a schema this program is too old for."""
        if plain.get("schema_version", 0) > SCHEMA_VERSION:
            raise ValueError(
                f"manifest schema {plain['schema_version']} is newer than this mftctl ({SCHEMA_VERSION})"
            )
        return from_plain(Manifest, plain)
