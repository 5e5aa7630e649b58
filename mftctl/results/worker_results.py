"""What the commands of workers return, and the text of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from ..console.output import Time
from ..console.text import columns, format_duration, format_size, local_time
from .queue_results import names

_HEAD = ("WORKER", "STATE", "TASK QUEUES", "SLOTS", "RESOURCES", "VERSION", "SDK", "SINCE", "LAST SEEN")


@dataclass(frozen=True, kw_only=True)
class WorkerProcess:
    """A worker. Null is what it has not told: only heartbeats have all of it."""

    identity: str
    state: Literal["running", "stopping", "lost"]
    """stopping: it finishes its tasks and takes no new one; lost: no heartbeat came when one was due."""
    host: str | None
    process_id: str | None
    task_queues: tuple[str, ...]
    cpu: float | None
    """Cores that tasks with @resources may take."""
    memory: int | None
    """Megabytes that tasks with @resources may take."""
    gpu: int | None
    """GPUs that tasks with @resources may take."""
    slots: int | None
    """Tasks that it runs at once at most."""
    slots_used: int | None
    """Tasks that it had at its last heartbeat."""
    slots_free: int | None
    """Tasks that it can take now; 0 if it is stopping or lost."""
    version: str | None
    """Its version of mftctl."""
    sdk_version: str | None
    """Its version of Temporal's SDK."""
    worker_version: str | None
    """Its version of Temporal's worker versioning, as NAME:BUILD."""
    started: Time | None
    last_seen: Time
    """Its last heartbeat, or its last poll if it has none."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of workers, of Temporal's worker versioning."""

    version: str
    """NAME:BUILD."""
    status: Literal["inactive", "current", "ramping", "draining", "drained"]
    """current: it takes new runs; ramping: a share of them; draining: no more; drained: it has none left."""
    runs: int
    """Open runs that stay on it."""
    changed: Time | None
    """When it last began or ceased to take new runs."""


def versions_table(found: Sequence[Version]) -> str:
    """A line for each version, under a head."""
    head = ("VERSION", "STATUS", "RUNS", "SINCE")
    rows = [
        (one.version, one.status, str(one.runs), "-" if one.changed is None else local_time(one.changed))
        for one in found
    ]
    return columns([head, *rows]) if found else ""


def table(found: Sequence[WorkerProcess], now: datetime | None = None) -> str:
    """A line for each worker, under a head."""
    at = now or datetime.now(UTC)
    rows = [_HEAD, *(_row(one, at) for one in found)]
    if any(one.worker_version for one in found):
        versions = ["WORKER VERSION", *(one.worker_version or "-" for one in found)]
        rows = [(*row, version) for row, version in zip(rows, versions, strict=True)]
    return columns(rows) if found else ""


def _row(found: WorkerProcess, now: datetime) -> tuple[str, ...]:
    ago = max((now - datetime.fromisoformat(found.last_seen)).total_seconds(), 0)
    return (
        found.identity,
        found.state,
        names(found.task_queues),
        _slots(found),
        _resources(found),
        found.version or "-",
        found.sdk_version or "-",
        "-" if found.started is None else local_time(found.started),
        f"{format_duration(ago)} ago",
    )


def _resources(found: WorkerProcess) -> str:
    if found.cpu is None or found.memory is None:
        return "-"
    gpus = f" {found.gpu} GPU" if found.gpu else ""
    return f"{found.cpu:g} CPU {format_size(found.memory * 1024**2)}{gpus}"


def _slots(found: WorkerProcess) -> str:
    if found.slots_used is None:
        return "-"
    return f"{found.slots_used}/{'-' if found.slots is None else found.slots}"
