"""Whether a run is stuck: its workflow task fails again and again, so that nothing of it goes on.

That is no failure of the flow's. A fault of this program, a history that does not replay, or a command that the server
refuses fails the workflow task; Temporal repeats it until a worker can do it, and the run goes on from there.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client

from ..connection.connect import IgnoreNotFound
from .run import OPEN, Run

#: What to do about it, for people.
HINT = "it goes on as soon as a worker with a mended mftctl serves it; see docs/how-to/upgrades.md"
#: Child workflows that are looked at, and looks at once.
CHILDREN, AT_ONCE = 20, 8
#: Events from the end of a history among which the last workflow task is looked for.
LAST_EVENTS = 100
#: Characters of an error's message.
MAX_MESSAGE = 300

#: Failures that are part of the server's ordinary work with a workflow.
_ORDINARY = {
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_STICKY_TASK_QUEUE,
}
_FRAME = re.compile(r'File ".*?([^/\\"]+)", line (\d+), in (\S+)')


async def mark_stuck(client: Client, runs: list[Run]) -> list[Run]:
    """The runs, with the status ``stuck`` and the ``problem`` where they are; a call or two for each that is open."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(found: Run) -> Run:
        if found.status not in OPEN:
            return found
        async with limit:
            problem = await problem_of(client, found.workflow_id, found.execution_id)
        return found if problem is None else replace(found, status="stuck", problem=problem)

    return list(await asyncio.gather(*(one(found) for found in runs)))


async def problem_of(client: Client, workflow_id: str, execution_id: str | None = None) -> str | None:
    """What fails the workflow task of the workflow, or of one of its first child workflows; None when none does."""
    with IgnoreNotFound():
        handle = client.get_workflow_handle(workflow_id, run_id=execution_id)
        told = (await handle.describe()).raw_description
        if told.HasField("pending_workflow_task") and told.pending_workflow_task.attempt > 1:
            problem = await _last_failure(client, workflow_id, told.workflow_execution_info.execution.run_id)
            if problem is not None:
                return problem
        for child in told.pending_children[:CHILDREN]:
            problem = await problem_of(client, child.workflow_id, child.run_id or None)
            if problem is not None:
                return problem
    return None


def error_summary(name: str, message: str, trace: str) -> str:
    """An error in a line: its type, its message, and where in this program it came from."""
    line = " ".join(message.split())
    line = line if len(line) <= MAX_MESSAGE else f"{line[:MAX_MESSAGE]}..."
    frames = [
        found.groups() for one in trace.splitlines() if "mftctl" in one and (found := _FRAME.search(one))
    ]
    where = " ({}:{} in {})".format(*frames[-1]) if frames else ""
    return (f"{name}: {line}" if name else line) + where


async def _last_failure(client: Client, workflow_id: str, execution_id: str) -> str | None:
    """How the last workflow task failed; None when it was done well, or only lost with its worker."""
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=execution_id),
        maximum_page_size=LAST_EVENTS,
    )
    answer = await client.workflow_service.get_workflow_execution_history_reverse(request)
    for event in answer.history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return None
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            about = event.workflow_task_failed_event_attributes
            if about.cause in _ORDINARY:
                return None
            failure = about.failure
            name = failure.application_failure_info.type
            return error_summary(name, failure.message or _cause_name(about.cause), failure.stack_trace)
    return None


def _cause_name(cause: WorkflowTaskFailedCause.ValueType) -> str:
    """A cause as the server names it: ``bad schedule activity attributes``."""
    name = WorkflowTaskFailedCause.Name(cause).removeprefix("WORKFLOW_TASK_FAILED_CAUSE_")
    return name.replace("_", " ").lower()
