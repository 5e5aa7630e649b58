"""`mftctl runs describe`: a run with its steps, failures and pending tasks."""

from __future__ import annotations

import asyncio
import sys
import time

from ...console.output import Result
from ...console.text import columns, format_duration, local_time
from ...control.pollers import Polling, find_pollers
from ...control.runs import stuck
from ...control.runs.history import RunHistory
from ...control.runs.record import RunRecord, StepRecord, TaskRecord
from ...control.runs.run import Run
from ...model.graph import graph_lines
from ...results.run_results import Failure, RunDetails
from ..command_options import Connection
from ..missing_workers import no_worker
from ..pending_retries import pending_retry, retry_text
from ..selection import open_run
from .run_details import details_of, outcome_of, seconds_of, ui_link

#: Tasks that a part of the text names at most.
MAX_TASKS = 8
_MARKS = {"done": "✓", "failed": "✗", "running": "▸", "waiting": "·", "cancelled": "■", "none": " "}
_ASCII = {"done": "+", "failed": "x", "running": ">", "waiting": ".", "cancelled": "#", "none": " "}


async def describe_run(name: str, deployment: str | None, connection: Connection) -> Result[RunDetails]:
    """Describe the run; the result warns if no worker serves it."""
    client, run = await open_run(name, deployment, connection)
    (run,) = await stuck.mark_stuck(client, [run])
    history = RunHistory(client, run)

    async def find_workers() -> Polling | None:
        record = await history.read()
        if run.ended is not None:
            return None
        return await find_pollers(client, record.manifest.task_queue, run.worker_version)

    ended, polling = await asyncio.gather(outcome_of(client, run), find_workers())
    served = None if polling is None else polling.served
    details = details_of(run, history, ended, served, ui_link(client, run, connection.settings()))
    notes: tuple[str, ...] = ()
    if polling is not None and not served:
        notes = (no_worker(run.deployment, details.task_queue, polling, run.worker_version),)
    return Result(details, _text(run, history.record, details), run.run_id, notes)


def _text(run: Run, record: RunRecord, details: RunDetails) -> str:
    parts = [columns(_header(run, details)), columns(_steps(record))]
    parts += [_failure(details.failure)] if details.failure else []
    retrying = [task for task in record.tasks.values() if task.state == "retrying"]
    running = [task for task in record.tasks.values() if task.state == "running"]
    for title, rows in (
        ("waiting for a retry", [_retry(record, task) for task in retrying]),
        ("running", [_running(task) for task in running]),
        ("compensations", [_handler(task) for task in record.of("compensation")]),
        ("exit hooks", [_handler(task) for task in record.of("hook")]),
    ):
        if rows:
            more = f"\n  and {len(rows) - MAX_TASKS} more" if len(rows) > MAX_TASKS else ""
            parts.append(f"{title}:\n{columns(rows[:MAX_TASKS])}{more}")
    links = [("open", details.links.client)]
    links += [("temporal", details.links.temporal)] if details.links.temporal else []
    parts.append(columns(links))
    return "\n\n".join(parts)


def _header(run: Run, details: RunDetails) -> list[tuple[str, str]]:
    resumed = f", resumed {_times(details.resumed)}" if details.resumed else ""
    status = run.status.replace("_", " ")
    rows = [
        ("run", run.pathspec),
        ("status", f"{status} ({format_duration(run.seconds)}{resumed})"),
        ("started", local_time(run.started)),
        ("deployment", f"{run.deployment}, version {run.version}, by {run.owner}"),
    ]
    rows += [("workers", f"version {run.worker_version}")] if run.worker_version else []
    rows += [("problem", run.problem), ("", stuck.HINT)] if run.problem else []
    rows += [("waits", one.message) for one in details.delays]
    rows += [("origin", details.origin)] if details.origin else []
    rows += [("tags", ", ".join(run.tags))] if run.tags else []
    rows += [("parameter", f"{name} = {_shorten(value)}") for name, value in details.parameters.items()]
    retries = sum(step.retries for step in details.steps)
    done, known = (details.tasks.done, details.tasks.known) if details.tasks else (0, 0)
    rows.append(("tasks", f"{done} of {known} done" + (f", {retries} retried" if retries else "")))
    return rows


def _steps(record: RunRecord) -> list[tuple[str, ...]]:
    ascii_only = not _can_encode_marks()
    marks, steps = (_ASCII if ascii_only else _MARKS), record.steps()
    rows: list[tuple[str, ...]] = []
    for line in graph_lines(record.manifest, ascii_only):
        step = steps[line.step]
        seconds = seconds_of(step)
        rows.append(
            (
                f"{line.rail}{marks[step.state]} {line.step}",
                step.state if step.state != "none" else "not reached",
                f"{step.done}/{step.known}" if step.known else "",
                "" if seconds is None else format_duration(seconds),
                ", ".join(_step_details(step)),
                line.leads,
            )
        )
    return rows


def _step_details(step: StepRecord) -> list[str]:
    parts = [
        f"{step.counts[state]} {state}"
        for state in ("running", "waiting", "retrying", "failed", "cancelled", "kept")
        if step.counts.get(state) and step.known > 1
    ]
    if step.retries:
        parts.append(f"retried {_times(step.retries)}")
    if step.spread is not None and len(step.times) > 1:
        parts.append("each " + "/".join(map(format_duration, step.spread)))
    return parts


def _failure(failure: Failure) -> str:
    where = f" in step {failure.step}" if failure.step else ""
    task = f" (task {failure.task}, attempt {(failure.attempt or 0) + 1})" if failure.task else ""
    log = "".join(f"\n    {line}" for line in failure.log)
    return f"failed{where}{task}: {failure.message}{log}"


def _retry(record: RunRecord, task: TaskRecord) -> tuple[str, ...]:
    again = pending_retry(record, task)
    return ("  " + task.label, "" if again is None else retry_text(again), task.message)


def _running(task: TaskRecord) -> tuple[str, ...]:
    last = task.attempts[-1] if task.attempts else None
    since = last.began if last and last.began else task.scheduled
    attempt = f"attempt {last.number + 1 if last else 1}"
    return ("  " + task.label, attempt, format_duration(time.time() - since))


def _handler(task: TaskRecord) -> tuple[str, ...]:
    took = "" if task.seconds is None else format_duration(task.seconds)
    return ("  " + task.label, task.state, took, task.message)


def _can_encode_marks() -> bool:
    try:
        "├│✓▸■→".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _shorten(value: str, most: int = 120) -> str:
    text = " ".join(value.split())
    return text if len(text) <= most else text[: most - 1] + "…"
