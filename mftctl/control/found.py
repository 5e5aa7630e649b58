"""Runs as the server knows them: find one by its id, describe it, list many."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from .. import ids
from ..engine.inputs import ENDED, PAUSED
from ..errors import Exit, MftctlError

_SCHEDULED = re.compile(r"^(.*-\d{4}-\d{2}-\d{2}T\d{2})(\d{2})(\d{2}Z)$")
_STATUS = {
    WorkflowExecutionStatus.RUNNING: "running",
    WorkflowExecutionStatus.COMPLETED: "completed",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: "cancelled",
    WorkflowExecutionStatus.TERMINATED: "terminated",
    WorkflowExecutionStatus.CONTINUED_AS_NEW: "running",
    WorkflowExecutionStatus.TIMED_OUT: "timed_out",
}
#: As the server spells what we call a status.
_QUERY = {"cancelled": "Canceled", "timed_out": "TimedOut"}


@dataclass(frozen=True)
class Found:
    """A run: ``status`` is running, paused, completed, failed, cancelled, terminated or timed_out.

    ``compensations``: how many ran, or were to run, when it had ended badly.
    """

    run_id: str
    flow: str
    status: str
    started: datetime
    ended: datetime | None
    deployment: str
    version: str
    workflow_id: str
    execution_id: str
    compensations: int = 0

    @property
    def pathspec(self) -> str:
        """Metaflow's name of the run."""
        return f"{self.flow}/{self.run_id}"


def handle_of(client: Client, run_id: str) -> WorkflowHandle[Any, Any]:
    """The workflow of a run, named by its id or by ``Flow/id``."""
    run_id = run_id.rsplit("/", 1)[-1]
    scheduled = _SCHEDULED.match(run_id)
    return client.get_workflow_handle(":".join(scheduled.groups()) if scheduled else run_id)


async def describe(client: Client, run_id: str) -> Found:
    """The run as it is now; exit code 4 when there is none of that id."""
    handle = handle_of(client, run_id)
    try:
        described = await handle.describe()
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        raise unknown(run_id) from error
    if described.parent_id is not None or "deployment" not in await described.memo():
        raise unknown(run_id)  # a part of one, or somebody else's workflow
    return await _found(described)


def own(found: Found, flow: str) -> Found:
    """The run, if it is one of that flow; exit code 6 otherwise."""
    if found.flow != flow:
        raise MftctlError(
            f"run {found.run_id} is one of {found.flow}, not of {flow}",
            exit=Exit.CONFLICT,
            code="run.mismatch",
        )
    return found


async def list_runs(
    client: Client,
    *,
    flow: str | None = None,
    deployment: str | None = None,
    statuses: tuple[str, ...] = (),
    limit: int = 50,
) -> list[Found]:
    """The newest runs first, children of wide foreaches left out."""
    terms = ["WorkflowId STARTS_WITH 'temporal-'", "ParentWorkflowId IS NULL"]
    if flow:
        terms.append(f"WorkflowType = '{flow}'")
    if statuses:
        # A run that passed its workflow timeout has ended itself: the server counts it among the failed ones.
        asked = {*statuses, "failed"} if "timed_out" in statuses else set(statuses)
        names = ", ".join(sorted(f"'{_QUERY.get(status, status.capitalize())}'" for status in asked))
        terms.append(f"ExecutionStatus IN ({names})")
    found: list[Found] = []
    async for listed in client.list_workflows(" AND ".join(terms)):
        if listed.status == WorkflowExecutionStatus.CONTINUED_AS_NEW:
            continue
        one = await _found(listed)
        if deployment in {None, one.deployment} and (not statuses or _listed(one.status) in statuses):
            found.append(one)
        if len(found) == limit:
            break
    return found


async def ids_of(client: Client, prefix: str, limit: int) -> list[str]:
    """Ids of the newest runs that begin so."""
    start = prefix if prefix.startswith("temporal-") else "temporal-"
    if not re.fullmatch(r"[\w.-]+", start) or not start.startswith(prefix):
        return []
    query = f"WorkflowId STARTS_WITH '{start}' AND ParentWorkflowId IS NULL"
    listed = client.list_workflows(query, limit=limit, page_size=limit)
    return list(dict.fromkeys([ids.run_id_of(one.id) async for one in listed]))


def unknown(run_id: str) -> MftctlError:
    """The error for a run that is not there."""
    return MftctlError(f"there is no run '{run_id}'", exit=Exit.NOT_FOUND, code="run.unknown")


def _listed(status: str) -> str:
    """As lists are cut down: a paused run is a running one there."""
    return "running" if status == "paused" else status


async def _found(given: WorkflowExecution) -> Found:
    memo = await given.memo()
    status = _STATUS.get(given.status, "running") if given.status else "running"
    if status == "running" and memo.get(PAUSED):
        status = "paused"
    elif status == "failed":
        status = str(memo.get(ENDED, status))
    return Found(
        run_id=ids.run_id_of(given.id),
        flow=given.workflow_type,
        status=status,
        started=given.start_time,
        ended=given.close_time,
        deployment=str(memo.get("deployment", "")),
        version=str(memo.get("version", "")),
        workflow_id=given.id,
        execution_id=given.run_id,
        compensations=int(memo.get("compensations", 0)),
    )
