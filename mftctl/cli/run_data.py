"""A run and its steps as JSON values, such as `mftctl runs describe` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from temporalio.client import Client

    from ..control.runs.history import RunHistory
    from ..control.runs.outcome import RunOutcome
    from ..control.runs.record import StepRecord, TaskRecord
    from ..control.runs.run import Run
    from ..profiles import Profile


def as_data(
    found: Run, history: RunHistory, ended: RunOutcome | None, served: bool | None, ui: str | None
) -> dict[str, Any]:
    """The run as JSON values."""
    from ..model.graph import in_order
    from .runs_list import row

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


def ui_link(client: Client, found: Run, profile: Profile) -> str | None:
    """The run in Temporal's UI: the profile's, Temporal Cloud's or the embedded server's; None where none is known."""
    from ..local import devserver

    address = client.service_client.config.target_host
    if named := profile.get("temporal_ui"):
        base: str | None = str(named).rstrip("/")
    elif address.endswith((".tmprl.cloud:7233", ".api.temporal.io:7233")):
        base = "https://cloud.temporal.io"
    else:
        base = devserver.ui_of(address)
    if base is None:
        return None
    workflow = found.workflow_id.replace(":", "%3A")
    return f"{base}/namespaces/{client.namespace}/workflows/{workflow}/{found.execution_id}"


def _step(step: Any, record: StepRecord) -> dict[str, Any]:
    from .text import exact

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


def seconds_of(record: StepRecord) -> float | None:
    """From a step's first attempt to its last end, or until now."""
    import time

    if record.began is None:
        return None
    return round((record.ended or time.time()) - record.began, 3)


def _failure(task: TaskRecord) -> dict[str, Any]:
    """A task that failed, as a run that has ended tells of it."""
    return {
        "message": task.message,
        "step": task.step,
        "task": task.task_id,
        "attempt": task.attempts[-1].number if task.attempts else 0,
        "log": list(task.log),
    }


def _pending(task: TaskRecord) -> dict[str, Any]:
    from .text import exact

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


def _ran(task: TaskRecord) -> dict[str, Any]:
    from .text import exact

    return {
        "name": task.step,
        "task": task.task_id if task.kind == "compensation" else None,
        "label": task.label,
        "state": task.state,
        "began": exact(task.began),
        "seconds": None if task.seconds is None else round(task.seconds, 3),
        "message": task.message or None,
    }
