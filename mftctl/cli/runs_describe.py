"""`mftctl runs describe`: where a run is, how each step went, and what went wrong."""

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from . import durations
from .options import Latest, Limited, Output
from .output import Result

if TYPE_CHECKING:
    from temporalio.client import Client

    from ..control.found import Found
    from ..control.history import History
    from ..control.record import StepRecord, TaskRecord
    from ..control.runs import Ended

#: Tasks of a kind that are named to people.
SHOWN = 8
_MARKS = {"done": "✓", "failed": "✗", "running": "▸", "waiting": "·", "cancelled": "■", "none": " "}
_ASCII = {"done": "+", "failed": "x", "running": ">", "waiting": ".", "cancelled": "#", "none": " "}


def describe(
    run: str,
    /,
    *,
    latest: Latest = Latest(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Limited = Limited(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Show a run: its parameters, each step with counts and time, what failed, what is tried again and when.

    Parameters
    ----------
    run
        The run: its id, the beginning of it, or @latest.
    """
    return connection.run(_describe(run, latest, connection))


async def _describe(run: str, latest: Latest, connection: Limited) -> Result:
    from .looking import open_run

    return await described(*await open_run(run, latest, connection))


async def described(client: "Client", found: "Found") -> Result:
    """The run as a result."""
    from ..control import runs
    from ..control.found import handle_of
    from ..control.history import History
    from .looking import unserved

    history = History(client, found)
    over = found.ended is not None
    ended, served = await asyncio.gather(
        runs.outcome(handle_of(client, found.run_id)) if over else _nothing(),
        _served(client, history, over),
    )
    data = as_data(found, history, ended, served, ui_link(client, found))
    notes: tuple[str, ...] = ()
    if served is False:
        notes = (unserved(found.deployment),)
    return Result(data, _text(found, history, data), found.run_id, notes)


async def _nothing() -> None:
    return None


async def _served(client: "Client", history: "History", over: bool) -> bool | None:
    """Read the history; whether a worker serves the run, None for one that is over."""
    from ..control.workers import has_worker

    record = await history.read()
    return None if over else await has_worker(client, record.manifest.task_queue)


def as_data(
    found: "Found", history: "History", ended: "Ended | None", served: bool | None, ui: str | None
) -> dict[str, Any]:
    """The run as JSON values."""
    from .runs_list import row
    from .view import in_order

    record, given = history.record, history.given
    assert given is not None
    steps = record.steps()
    done, known = record.tally()
    failure = None if ended is None else ended.to_plain().get("failure")
    if failure is None and (failed := record.failed()):
        failure = _failure(failed[0])
    open_tasks = [one for one in record.tasks.values() if one.state in {"waiting", "running", "retrying"}]
    return {
        **row(found),
        "tasks": {"done": done, "known": known},
        "failed_step": failure["step"] if failure else None,
        "pathspec": found.pathspec,
        "parameters": dict(given.parameters),
        "origin": given.origin,
        "resumed": given.generation,
        "task_queue": record.manifest.task_queue,
        "worker": served,
        "steps": [_step(record.manifest.graph[name], steps[name]) for name in in_order(record.manifest)],
        "failure": failure,
        "pending": [_pending(one) for one in open_tasks],
        "compensations": [_ran(one) for one in record.of("compensation")],
        "hooks": [_ran(one) for one in record.of("hook")],
        "links": {"temporal": ui, "client": f'metaflow.Run("{found.pathspec}")'},
    }


def ui_link(client: "Client", found: "Found") -> str | None:
    """The run in Temporal's UI, where that is known to be."""
    from .. import devserver

    address = client.service_client.config.target_host
    if address.endswith((".tmprl.cloud:7233", ".api.temporal.io:7233")):
        base: str | None = "https://cloud.temporal.io"
    else:
        base = devserver.ui_of(address)
    if base is None:
        return None
    workflow = found.workflow_id.replace(":", "%3A")
    return f"{base}/namespaces/{client.namespace}/workflows/{workflow}/{found.execution_id}"


def _step(step: Any, record: "StepRecord") -> dict[str, Any]:
    from .moments import exact

    return {
        "step": step.name,
        "type": step.type,
        "next": list(step.next),
        "state": record.state,
        "known": record.known,
        "done": record.done,
        "running": record.active,
        "failed": record.counts.get("failed", 0),
        "cancelled": record.counts.get("cancelled", 0),
        "kept": record.counts.get("kept", 0),
        "retries": record.retries,
        "began": exact(record.began),
        "ended": exact(record.ended),
        "seconds": seconds_of(record),
    }


def seconds_of(record: "StepRecord") -> float | None:
    """From a step's first attempt to its last end, or until now."""
    import time

    if record.began is None:
        return None
    return round((record.ended or time.time()) - record.began, 3)


def _failure(task: "TaskRecord") -> dict[str, Any]:
    """A task that failed, as a run that has ended tells of it."""
    return {
        "message": task.message,
        "step": task.step,
        "task": task.task_id,
        "attempt": task.attempts[-1].number if task.attempts else 0,
        "log": list(task.log),
    }


def _pending(task: "TaskRecord") -> dict[str, Any]:
    from .moments import exact

    last = task.attempts[-1] if task.attempts and task.state == "running" else None
    return {
        "step": task.step,
        "task": task.task_id,
        "label": task.label,
        "state": task.state,
        "attempt": last.number if last else len(task.attempts),
        "since": exact(last.began if last and last.began else task.scheduled),
        "next_attempt": exact(task.next_attempt),
        "message": task.message or None,
        "worker": (last.worker or None) if last else None,
    }


def _ran(task: "TaskRecord") -> dict[str, Any]:
    from .moments import exact

    return {
        "name": task.step,
        "task": task.task_id if task.kind == "compensation" else None,
        "label": task.label,
        "state": task.state,
        "began": exact(task.began),
        "seconds": None if task.seconds is None else round(task.seconds, 3),
        "message": task.message or None,
    }


def _text(found: "Found", history: "History", data: dict[str, Any]) -> str:
    from .columns import columns
    from .moments import shown

    given, record = history.given, history.record
    assert given is not None
    status = found.status.replace("_", " ")
    resumed = f", resumed {_times(given.generation)}" if given.generation else ""
    took = durations.format_seconds(found.seconds)
    about = [
        ("run", found.pathspec),
        ("status", f"{status} ({took}{resumed})"),
        ("started", shown(found.started)),
        ("deployment", f"{found.deployment}, version {found.version}, by {found.owner}"),
    ]
    about += [("made from", given.origin)] if given.origin else []
    about += [("tags", ", ".join(found.tags))] if found.tags else []
    about += [("parameter", f"{name} = {_short(value)}") for name, value in given.parameters.items()]
    done, known = data["tasks"]["done"], data["tasks"]["known"]
    retries = sum(step["retries"] for step in data["steps"])
    about.append(("tasks", f"{done} of {known} done" + (f", {retries} retried" if retries else "")))
    parts = [columns(about), columns(_steps(history))]
    parts += [_failure_text(data["failure"])] if data["failure"] else []
    for title, rows in (
        (
            "waiting for another attempt",
            [_retry(one) for one in record.tasks.values() if one.state == "retrying"],
        ),
        ("running", [_running(one) for one in record.tasks.values() if one.state == "running"]),
        ("compensations", [_ran_text(one) for one in record.of("compensation")]),
        ("exit hooks", [_ran_text(one) for one in record.of("hook")]),
    ):
        if rows:
            more = [(f"  and {len(rows) - SHOWN} more",)] if len(rows) > SHOWN else []
            parts.append(f"{title}:\n{columns(rows[:SHOWN])}" + "".join(f"\n{one[0]}" for one in more))
    links = [("open", data["links"]["client"])]
    links += [("temporal", data["links"]["temporal"])] if data["links"]["temporal"] else []
    parts.append(columns(links))
    return "\n\n".join(parts)


def _steps(history: "History") -> list[tuple[str, ...]]:
    from .graph import drawn

    plain = not _draws_boxes()
    marks, steps = (_ASCII if plain else _MARKS), history.record.steps()
    rows: list[tuple[str, ...]] = []
    for line in drawn(history.record.manifest, plain):
        step = steps[line.step]
        seconds = seconds_of(step)
        rows.append(
            (
                f"{line.rail}{marks[step.state]} {line.step}",
                step.state if step.state != "none" else "not reached",
                f"{step.done}/{step.known}" if step.known else "",
                "" if seconds is None else durations.format_seconds(seconds),
                ", ".join(_details(step)),
                line.leads,
            )
        )
    return rows


def _details(step: "StepRecord") -> list[str]:
    words = [
        f"{step.counts[state]} {state}"
        for state in ("running", "waiting", "retrying", "failed", "cancelled", "kept")
        if step.counts.get(state) and step.known > 1
    ]
    if step.retries:
        words.append(f"retried {_times(step.retries)}")
    if step.spread is not None and len(step.times) > 1:
        words.append("each " + "/".join(durations.format_seconds(one) for one in step.spread))
    return words


def _failure_text(failure: dict[str, Any]) -> str:
    where = f" in step {failure['step']}" if failure["step"] else ""
    task = f" (task {failure['task']}, attempt {(failure['attempt'] or 0) + 1})" if failure["task"] else ""
    log = "".join(f"\n    {line}" for line in failure["log"])
    return f"failed{where}{task}: {failure['message']}{log}"


def _retry(task: "TaskRecord") -> tuple[str, ...]:
    import time

    wait = max(0.0, (task.next_attempt or 0.0) - time.time())
    attempt = f"attempt {len(task.attempts) + 1}"
    return ("  " + task.label, attempt, f"in {durations.format_seconds(wait)}", task.message)


def _running(task: "TaskRecord") -> tuple[str, ...]:
    import time

    last = task.attempts[-1] if task.attempts else None
    since = last.began if last and last.began else task.scheduled
    return (
        "  " + task.label,
        f"attempt {last.number + 1 if last else 1}",
        durations.format_seconds(time.time() - since),
    )


def _ran_text(task: "TaskRecord") -> tuple[str, ...]:
    took = "" if task.seconds is None else durations.format_seconds(task.seconds)
    return ("  " + task.label, task.state, took, task.message)


def _draws_boxes() -> bool:
    try:
        "├│✓▸■→".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _short(value: str, most: int = 120) -> str:
    text = " ".join(value.split())
    return text if len(text) <= most else text[: most - 1] + "…"
