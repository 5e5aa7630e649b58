"""What the commands of task queues return, and the text of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..console.text import columns, format_duration

#: Deployments that a row of the table names.
MAX_NAMES = 3
_HEAD = ("TASK QUEUE", "BACKLOG", "OLDEST", "ADDED/MIN", "DISPATCHED/MIN", "WORKERS", "RUNS", "DEPLOYMENTS")


@dataclass(frozen=True, kw_only=True)
class TaskQueue:
    """A task queue that deployments or open runs use. Null is what the server does not tell."""

    task_queue: str
    backlog: int | None
    """Tasks that wait for a worker, as the server estimates them."""
    workflow_tasks: int | None
    """How many of these are workflow tasks: each lets a run go on. The others are tasks of steps."""
    oldest_seconds: float | None
    """How long the first of them has waited; null if none waits."""
    added_per_minute: float | None
    """Tasks added, as an average of the last 30 seconds."""
    dispatched_per_minute: float | None
    """Tasks given to workers, as an average of the last 30 seconds."""
    workers: int
    """Workers that run and serve it."""
    runs: int
    """Open runs that were started on it."""
    deployments: tuple[str, ...]


def table(found: Sequence[TaskQueue]) -> str:
    """A line for each task queue, under a head."""
    return columns([_HEAD, *map(_row, found)]) if found else ""


def _row(found: TaskQueue) -> tuple[str, ...]:
    return (
        found.task_queue,
        _or_unknown(found.backlog, "d"),
        _age(found),
        _or_unknown(found.added_per_minute, ".1f"),
        _or_unknown(found.dispatched_per_minute, ".1f"),
        str(found.workers),
        str(found.runs),
        names(found.deployments),
    )


def names(given: Sequence[str]) -> str:
    """The first names of a list, and how many there are more."""
    more = f" and {len(given) - MAX_NAMES} more" if len(given) > MAX_NAMES else ""
    return ", ".join(given[:MAX_NAMES]) + more


def _age(found: TaskQueue) -> str:
    if found.backlog is None:
        return "-"
    return "" if found.oldest_seconds is None else format_duration(found.oldest_seconds)


def _or_unknown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
