"""What the commands of deployments return, and the text of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..console.output import Time, optional
from ..console.text import columns, local_time
from ..model.overlap import Overlap


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a deployment starts runs."""

    cron: str
    """The cron expression, in AWS's syntax."""
    timezone: str | None
    """IANA name; null is UTC."""
    overlap: Overlap
    """What happens to a run that is due while another one is running."""
    catchup_window: float
    """Seconds for which runs that were missed are made up for."""
    pause_on_failure: bool


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """An event that a deployment waits for."""

    name: str
    type: Literal["event", "run"]
    """An event, or the successful end of a run of another flow."""
    parameters: tuple[tuple[str, str], ...]
    """Pairs of a parameter and the field of the event's payload that is its value."""


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker that polls the task queue of a deployment."""

    identity: str
    last_seen: Time


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A deployment, and the workers that serve it."""

    deployment: str
    flow: str
    version: str
    schedule: Schedule | None
    paused: bool
    """Whether the schedule is paused."""
    reason: str | None
    """Why it is paused."""
    next_run: Time | None
    """When the next run is due; null when it is paused."""
    triggers: tuple[Trigger, ...]
    task_queue: str
    workers: tuple[Worker, ...]
    owner: str
    """The user who deployed it."""
    deployed_at: Time
    """When its version was deployed."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of the flow."""

    name: str
    type: str
    required: bool
    help: str


@dataclass(frozen=True, kw_only=True)
class StepQueue:
    """A task queue of steps, beside that of the deployment."""

    task_queue: str
    steps: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Description(Deployment):
    """A deployment with all its options."""

    created_at: Time
    next_runs: tuple[Time, ...]
    """When the next runs are due."""
    project: str | None
    branch: str | None
    file: str
    """The file of the flow."""
    steps: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    decorators: tuple[str, ...]
    """Decorators of all steps, as given with --with."""
    tags: tuple[str, ...]
    namespace: str | None
    max_workers: int
    """Tasks of a run at once."""
    workflow_timeout: float | None
    """Seconds after which a run is stopped."""
    priority: int | None
    """Priority among the runs of the task queue: 1 (first) to 5."""
    step_queues: tuple[StepQueue, ...]
    """Task queues of steps that are not the deployment's."""
    python: str
    """The flow's interpreter."""
    metadata: str
    datastore: str
    datastore_root: str
    environment: str
    notify: tuple[str, ...]
    """Scheme and host of the URLs that are notified when a run ends."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A difference between two versions of a deployment."""

    what: str
    """code, step, parameter or the name of an option."""
    name: str | None = optional()
    """The name of the step or the parameter."""
    kind: str
    """added, removed or changed."""
    before: Any = optional()
    after: Any = optional()


@dataclass(frozen=True, kw_only=True)
class Package:
    """The code package of a deployment."""

    files: int
    """Files of the flow."""
    metaflow_files: int
    """Files of Metaflow and its extensions."""
    size: int
    """Bytes."""
    missing: tuple[str, ...]
    """Files that the flow names and the package lacks."""
    missing_modules: tuple[str, ...]
    """Modules outside the flow's folder that it imports and the package lacks."""
    list: tuple[str, ...] | None = optional()
    """The files of the flow, with --list-package."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A deployment that was created or replaced."""

    deployment: str
    version: str
    flow: str
    task_queue: str
    schedule: Schedule | None
    next_runs: tuple[Time, ...]
    """When the next runs are due."""
    triggers: tuple[Trigger, ...]
    changes: tuple[Change, ...]
    """What differs from the version before."""
    previous_version: str | None
    production_token: str | None
    """The token with which others may change the deployment."""
    package: Package


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a deploy would change."""

    deployment: str
    version: str
    new_version: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """The deployment that was deleted."""

    deployment: str


def table(found: Sequence[Deployment]) -> str:
    """A line for each deployment, under a head."""
    head = ("DEPLOYMENT", "FLOW", "VERSION", "SCHEDULE", "NEXT", "TRIGGERS", "WORKERS", "OWNER", "DEPLOYED")
    return columns([head, *map(_row, found)]) if found else ""


def page(found: Description) -> str:
    """A deployment for people."""
    rows = [
        ("deployment", found.deployment),
        ("flow", f"{found.flow} ({found.file})"),
        ("version", found.version),
        ("deployed", f"{local_time(found.deployed_at)} by {found.owner}"),
    ]
    if found.schedule is not None:
        rows.append(("schedule", f"{found.schedule.cron} ({found.schedule.timezone or 'UTC'})"))
        paused = f"paused: {found.reason or 'no reason given'}"
        rows.append(("next run", paused if found.paused else next_run(found) or "never"))
    if found.triggers:
        rows.append(("triggers", " and ".join(one.name for one in found.triggers)))
    rows.append(("task queue", found.task_queue))
    rows += [("worker", f"{one.identity}, seen {local_time(one.last_seen)}") for one in found.workers]
    rows += [] if found.workers else [("worker", "no worker serves it")]
    rows += [
        ("parameter", f"{one.name} ({one.type}{', required' if one.required else ''})")
        for one in found.parameters
    ]
    rows.append(("steps", ", ".join(found.steps)))
    rows += [("step queue", f"{one.task_queue}: {', '.join(one.steps)}") for one in found.step_queues]
    for label in ("project", "branch", "namespace", "priority", "datastore_root", "environment", "python"):
        if (value := getattr(found, label)) is not None:
            rows.append((label.replace("_", " "), str(value)))
    for label in ("decorators", "tags", "notify"):
        if value := getattr(found, label):
            rows.append((label, ", ".join(value)))
    rows.append(("max workers", str(found.max_workers)))
    if found.workflow_timeout is not None:
        rows.append(("workflow timeout", f"{found.workflow_timeout:g} s"))
    return columns(rows)


def next_run(found: Deployment) -> str:
    """When the next run is due, for a cell of a table."""
    if found.paused:
        return "paused"
    return "" if found.next_run is None else local_time(found.next_run)


def _row(found: Deployment) -> tuple[str, ...]:
    return (
        found.deployment,
        found.flow,
        found.version,
        "" if found.schedule is None else found.schedule.cron,
        next_run(found),
        ",".join(one.name for one in found.triggers),
        str(len(found.workers)),
        found.owner,
        local_time(found.deployed_at),
    )
