"""What runs wait for, for people and for JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from ...console.text import exact, format_duration
from ...control.runs.delays import Delay
from ...control.runs.run import Run
from ...model.resources import queue_text
from ...results import run_results
from ..missing_workers import start_worker


def delays_of(run: Run) -> tuple[run_results.Delay, ...]:
    """The delays of a run."""
    return tuple(
        run_results.Delay(
            reason=one.reason,
            task_queue=one.task_queue,
            tasks=one.tasks,
            task=one.task,
            attempts=one.attempts,
            since=exact(one.since),
            message=sentence(one),
        )
        for one in run.delays
    )


def sentence(delay: Delay) -> str:
    """A delay as text: ``waiting for a worker on task queue gpu for 3m05s (4 tasks)``."""
    if delay.reason == "retrying":
        return f"task {delay.task} was tried {delay.attempts} times: {delay.message}"
    tasks = "" if delay.tasks < 2 else f" ({delay.tasks} tasks)"
    where = f"task queue {queue_text(delay.task_queue)}"
    return f"waiting for a worker{_of(delay)} on {where} for {_waited(delay)}{tasks}"


def hint(delay: Delay) -> str | None:
    """What to do about a delay for want of a worker."""
    if delay.reason != "no_worker":
        return None
    return start_worker(delay.task_queue, delay.polling, delay.version)


def cell(delays: Sequence[Delay]) -> str:
    """The first delay for a cell of a table."""
    if not delays:
        return ""
    first = delays[0]
    if first.reason == "no_worker":
        return f"a worker{_of(first)} on {queue_text(first.task_queue)} ({_waited(first)})"
    return f"a retry of {first.task} ({first.attempts} attempts)"


def notes(runs: Iterable[Run]) -> tuple[str, ...]:
    """A line for each task queue and version where runs wait without a worker, and for each task that is tried again
    and again.
    """
    waiting: defaultdict[tuple[str, str], list[tuple[datetime, Run, Delay]]] = defaultdict(list)
    lines = []
    for run in runs:
        for one in run.delays:
            if one.reason == "no_worker" and one.since is not None:
                waiting[one.task_queue, one.version].append((one.since, run, one))
            elif one.reason == "retrying":
                lines.append(f"run {run.run_id}: {sentence(one)}")
    return (*map(_unserved, waiting.values()), *lines)


def _unserved(waiting: list[tuple[datetime, Run, Delay]]) -> str:
    since, first, delay = min(waiting, key=lambda one: one[0])
    others = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
    has = "have" if others else "has"
    waited = format_duration((datetime.now(UTC) - since).total_seconds())
    worker = f"a worker{_of(delay)} on task queue {queue_text(delay.task_queue)}"
    waits = f"run {first.run_id}{others} {has} been waiting for {worker} for {waited}"
    return f"{waits}; {hint(delay)}"


def _of(delay: Delay) -> str:
    version = delay.version or delay.polling.wanted
    return f" of version {version}" if version else ""


def _waited(delay: Delay) -> str:
    since = delay.since or datetime.now(UTC)
    return format_duration((datetime.now(UTC) - since).total_seconds())
