"""The details of a run, from what the server lists and from its histories."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, cast

from temporalio.client import Client

from ...console.text import exact
from ...control.runs.history import RunHistory
from ...control.runs.outcome import RunOutcome, wait_for_outcome
from ...control.runs.record import StepRecord, TaskRecord
from ...control.runs.run import Run
from ...local import devserver
from ...model.graph import ordered_steps
from ...model.manifest import Step
from ...profiles import Profile
from ...results import run_results
from .list_runs import row
from .run_status import failure_of


def details_of(
    run: Run, history: RunHistory, ended: RunOutcome | None, served: bool | None, ui: str | None
) -> run_results.RunDetails:
    """The details of a run; ``ended``: None before its end, ``served``: None after it, ``ui``: its URL there."""
    record, given = history.record, history.given
    assert given is not None
    steps = record.steps()
    done, known = record.tally()
    failure = None if ended is None else failure_of(ended)
    if failure is None and (failed := record.failed()):
        failure = _failure(failed[0])
    open_tasks = [task for task in record.tasks.values() if task.state in {"waiting", "running", "retrying"}]
    listed = replace(
        row(run),
        tasks=run_results.TaskCounts(done=done, known=known),
        failed_step=failure.step if failure else None,
    )
    return run_results.RunDetails(
        **vars(listed),
        pathspec=run.pathspec,
        parameters=dict(given.parameters),
        origin=given.origin,
        resumed=given.generation,
        task_queue=record.manifest.task_queue,
        worker=served,
        worker_version=run.worker_version or None,
        steps=tuple(
            _step(record.manifest.graph[name], steps[name]) for name in ordered_steps(record.manifest)
        ),
        failure=failure,
        pending=tuple(_pending(task) for task in open_tasks),
        compensations=tuple(_handler(task) for task in record.of("compensation")),
        hooks=tuple(_handler(task) for task in record.of("hook")),
        links=run_results.Links(temporal=ui, client=f'metaflow.Run("{run.pathspec}")'),
    )


async def outcome_of(client: Client, run: Run) -> RunOutcome | None:
    """How the run ended; None before its end."""
    if run.ended is None:
        return None
    # This execution: a later one, of a resume, may still run.
    return await wait_for_outcome(client.get_workflow_handle(run.workflow_id, run_id=run.execution_id))


def ui_link(client: Client, run: Run, profile: Profile) -> str | None:
    """URL of the run in Temporal's UI: the profile's, Temporal Cloud's or the embedded server's; None if unknown."""
    address = client.service_client.config.target_host
    if named := profile.get("temporal_ui"):
        base: str | None = str(named).rstrip("/")
    elif address.endswith((".tmprl.cloud:7233", ".api.temporal.io:7233")):
        base = "https://cloud.temporal.io"
    else:
        base = devserver.ui_of(address)
    if base is None:
        return None
    workflow = run.workflow_id.replace(":", "%3A")
    return f"{base}/namespaces/{client.namespace}/workflows/{workflow}/{run.execution_id}"


def seconds_of(record: StepRecord) -> float | None:
    """Seconds from the start of a step's first attempt to the end of its last one, or until now."""
    if record.began is None:
        return None
    return round((record.ended or time.time()) - record.began, 3)


def _step(step: Step, record: StepRecord) -> run_results.StepDetails:
    return run_results.StepDetails(
        step=step.name,
        type=step.type,
        next=tuple(step.next),
        state=cast("Any", record.state),
        known=record.known,
        done=record.done,
        running=record.active,
        failed=record.counts.get("failed", 0),
        cancelled=record.counts.get("cancelled", 0),
        kept=record.counts.get("kept", 0),
        retries=record.retries,
        began=exact(record.began),
        ended=exact(record.ended),
        seconds=seconds_of(record),
    )


def _failure(task: TaskRecord) -> run_results.Failure:
    return run_results.Failure(
        message=task.message,
        step=task.step,
        task=task.task_id,
        attempt=task.attempts[-1].number if task.attempts else 0,
        log=task.log,
    )


def _pending(task: TaskRecord) -> run_results.PendingTask:
    last = task.attempts[-1] if task.attempts and task.state == "running" else None
    return run_results.PendingTask(
        step=task.step,
        task=task.task_id,
        label=task.label,
        state=cast("Any", task.state),
        attempt=last.number if last else len(task.attempts),
        since=exact(last.began if last and last.began else task.scheduled),
        next_attempt=exact(task.next_attempt),
        message=task.message or None,
        worker=(last.worker or None) if last else None,
    )


def _handler(task: TaskRecord) -> run_results.HandlerRun:
    return run_results.HandlerRun(
        name=task.step,
        task=task.task_id if task.kind == "compensation" else None,
        label=task.label,
        state=task.state,
        began=exact(task.began),
        seconds=None if task.seconds is None else round(task.seconds, 3),
        message=task.message or None,
    )
