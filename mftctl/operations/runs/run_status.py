"""The status of a run that a command started or waited for: as it is now or at its end, and what to do next."""

from __future__ import annotations

import os
import shlex
from typing import cast

from ...console.output import Result
from ...control.runs.outcome import RunOutcome, run_failed
from ...model import ids
from ...model.manifest import Manifest
from ...model.statuses import Status
from ...results.run_results import DeploymentRun, Failure


def outcome_result(manifest: Manifest, run_id: str, ended: RunOutcome) -> Result[DeploymentRun]:
    """The result of a command that waited for a run of a deployment."""
    run = deployment_run(manifest, run_id, ended.status, failure=failure_of(ended))
    if ended.status == "completed":
        return Result(run, run_id, run_id)
    hint = hint_after(manifest, run_id, ended)
    return Result(run, run_id, run_id, error=run_failed(run_id, ended, hint), log=ended.log)


def deployment_run(
    manifest: Manifest,
    run_id: str,
    status: str,
    *,
    worker: bool | None = None,
    failure: Failure | None = None,
) -> DeploymentRun:
    """A run of the deployment with this status."""
    return DeploymentRun(
        run_id=run_id,
        flow=manifest.flow,
        deployment=manifest.deployment,
        version=manifest.version,
        status=cast("Status", status),
        worker=worker,
        failure=failure,
    )


def failure_of(ended: RunOutcome) -> Failure | None:
    """Why the run did not complete, if it did not."""
    if ended.status == "completed" or not ended.message:
        return None
    return Failure(
        message=ended.message, step=ended.step, task=ended.task, attempt=ended.attempt, log=ended.log
    )


def hint_after(manifest: Manifest, run_id: str, ended: RunOutcome, file: str | None = None) -> str:
    """What to do after a run that did not complete; it names `resume` only where that is possible and can help.

    ``file``: the flow's file as it was typed, for a run of `mftctl run`.
    """
    if manifest.task_queue == ids.private_queue(run_id):
        return _after_local(manifest, run_id, ended, file or manifest.launch.file)
    if ended.taken:
        return f"start a run with another id: mftctl trigger {manifest.deployment}"
    if ended.compensations:
        return f"compensations undid its tasks; start a new run: mftctl trigger {manifest.deployment}"
    resume = f"mftctl runs resume {run_id}"
    if ended.status == "timed_out":
        hint = f"continue with more time: {resume} --workflow-timeout TIME"
    elif ended.status == "failed":
        hint = f"after a fix: {resume} (add --latest-code after a new deploy)"
    else:
        hint = f"continue it: {resume}"
    return f"show its logs: mftctl runs logs {run_id} {ended.step}; {hint}" if ended.step else hint


def _after_local(manifest: Manifest, run_id: str, ended: RunOutcome, file: str) -> str:
    """After `mftctl run`: Metaflow can resume the run if its parameters are in the datastore."""
    if not _is_stored(manifest, run_id, ended):
        return "it ended before it stored anything; fix the cause and run it again"
    resume = f"python {shlex.quote(file)} resume --origin-run-id {run_id}"
    return f"{'after a fix' if ended.status == 'failed' else 'continue it'}: {resume}"


def _is_stored(manifest: Manifest, run_id: str, ended: RunOutcome) -> bool:
    launch = manifest.launch
    if launch.datastore == "local":
        step = os.path.join(launch.datastore_root, launch.flow, run_id, "_parameters")
        return os.path.exists(os.path.join(step, ids.parameters_task_id(), "0.DONE.lock"))
    # Not worth a request to a remote store: the first task stores them before it prints anything.
    return ended.step is None or ended.step != manifest.start or bool(ended.log)
