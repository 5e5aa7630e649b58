"""Runs: start one, follow it to its end, cancel it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import exceptions
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.common import Priority, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError
from temporalio.service import RPCError

from ...engine.failures import CANCELLED, TIMEOUT
from ...engine.memo import PROCESS, TAGS
from ...engine.payloads import RunInput
from ...model.errors import Exit, MftctlError
from ...model.manifest import Manifest
from . import owner

#: What Temporal should carry in one payload at most.
MAX_INPUT_BYTES = 256 * 1024
#: How much later than the workflow's own alarm the server ends a run: for the case that no worker is there to hear it.
SERVER_GRACE = 300.0
#: The same for a run that has compensations to run after it.
COMPENSATION_GRACE = 86400.0
#: Seconds between looks at how a run goes on.
POLL = 0.5
#: Seconds to wait for a worker's answer to such a look.
QUERY_TIMEOUT = 5.0

Progress = dict[str, dict[str, int]]


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: ``status`` is completed, failed, cancelled, terminated or timed_out.

    Where a task failed: its step, task id and attempt, and the last lines of its log. ``compensations``: how many were
    to undo what finished tasks had done.
    """

    status: str
    message: str = ""
    step: str | None = None
    task: str | None = None
    attempt: int | None = None
    log: tuple[str, ...] = ()
    compensations: int = 0

    def to_plain(self) -> dict[str, Any]:
        """JSON values."""
        if self.status == "completed":
            return {"status": self.status}
        failure = {"message": self.message, "step": self.step, "task": self.task, "attempt": self.attempt}
        if not self.message:
            return {"status": self.status}
        return {"status": self.status, "failure": {**failure, "log": list(self.log)}}


async def start_here(
    client: Client,
    manifest: Manifest,
    parameters: Mapping[str, str],
    run_id: str,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Start a run of the manifest with settled parameters, which this process serves."""
    memo = {PROCESS: owner.current_process()}
    await start_run(client, RunInput(manifest, run_id, dict(parameters)), before=before, memo=memo)


async def start_run(
    client: Client,
    run: RunInput,
    workflow_id: str | None = None,
    reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    before: Callable[[], None] = lambda: None,
    memo: Mapping[str, Any] | None = None,
) -> None:
    """Start the workflow of a run; its id is the run id unless a Schedule had made another.

    ``before`` is called once nothing is left to refuse but by the server.
    """
    manifest, given = run.manifest, run.to_plain()
    size = len(json.dumps(given, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > MAX_INPUT_BYTES:
        raise MftctlError(
            f"the run's parameters are too large: {size} bytes in all, {MAX_INPUT_BYTES} are allowed",
            exit=Exit.USAGE,
            code="parameters.large",
            hint="make the large one an IncludeFile",
        )
    before()
    await client.start_workflow(
        manifest.flow,
        given,
        id=workflow_id or run.run_id,
        task_queue=manifest.task_queue,
        id_reuse_policy=reuse,
        execution_timeout=execution_timeout(manifest),
        memo={**initial_memo(run), **(memo or {})},
        static_summary=manifest.summary,
        static_details=manifest.description,
        priority=Priority(priority_key=manifest.priority),
    )


def initial_memo(run: RunInput) -> dict[str, Any]:
    """What lists show of a run from its start on."""
    manifest = run.manifest
    tags = {TAGS: list(run.launch.tags)} if run.launch.tags else {}
    return {
        "deployment": manifest.deployment,
        "version": manifest.version,
        "owner": manifest.owner,
        **tags,
    }


def execution_timeout(manifest: Manifest) -> timedelta | None:
    """When the server ends a run that has passed its workflow timeout and does not end itself."""
    if manifest.workflow_timeout is None:
        return None
    grace = COMPENSATION_GRACE if manifest.compensations else SERVER_GRACE
    return timedelta(seconds=manifest.workflow_timeout + grace)


async def wait_for_outcome(handle: WorkflowHandle[Any, Any]) -> RunOutcome:
    """Wait for the run's end."""
    try:
        await handle.result()
    except WorkflowFailureError as error:
        return _unsuccessful(error.cause)
    return RunOutcome("completed")


async def progress(handle: WorkflowHandle[Any, Any]) -> Progress | None:
    """Counts of tasks by step; None when no worker answers."""
    try:
        found: Progress = await handle.query(
            "progress", rpc_timeout=timedelta(seconds=QUERY_TIMEOUT), result_type=dict
        )
    except (RPCError, WorkflowQueryFailedError):
        return None
    return found


def run_failed(run_id: str, ended: RunOutcome, hint: str) -> MftctlError:
    """The error for a run that did not complete (exit code 3)."""
    verb = {"failed": "failed", "timed_out": "timed out"}.get(ended.status, f"was {ended.status}")
    message = f"run {run_id} {verb}" + (f": {ended.message}" if ended.message else "")
    return MftctlError(" ".join(message.split()), exit=Exit.RUN_FAILED, code=f"run.{ended.status}", hint=hint)


def _unsuccessful(cause: BaseException | None) -> RunOutcome:
    if isinstance(cause, CancelledError):
        return RunOutcome("cancelled")
    if isinstance(cause, TerminatedError):
        return RunOutcome("terminated", cause.message)
    if isinstance(cause, exceptions.TimeoutError):
        return RunOutcome("timed_out", "it passed its workflow timeout")
    if not isinstance(cause, ApplicationError):
        return RunOutcome("failed", str(cause))
    if cause.type == CANCELLED:
        return RunOutcome("cancelled")
    details = cause.details[0] if cause.details and isinstance(cause.details[0], dict) else {}
    return RunOutcome(
        "timed_out" if cause.type == TIMEOUT else "failed",
        str(details.get("message") or cause.message),
        details.get("step"),
        details.get("task"),
        details.get("attempt"),
        _without_blank_end(details.get("log", [])),
        int((details.get("compensations") or {}).get("count", 0)),
    )


def _without_blank_end(log: list[str]) -> tuple[str, ...]:
    lines = [line.rstrip("\r") for line in log]
    while lines and not lines[-1].strip():
        lines.pop()
    return tuple(lines)
