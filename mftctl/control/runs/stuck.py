"""Whether a run is stuck: its workflow task keeps failing, so that the run makes no progress.

The flow has not failed. A bug of mftctl, a history that does not replay, or a command that the server refuses fails the
workflow task; Temporal retries it until a worker completes it, and the run continues.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryReverseRequest,
)
from temporalio.client import Client

from ...model.statuses import OPEN
from ..connection.connect import IgnoreNotFound
from .delays import Delay, confirmed_delays, possible_delays
from .run import Run

#: What a user can do about it.
HINT = "it continues when a worker with a fixed mftctl serves it; see docs/how-to/upgrades.md"
#: Child workflows that are checked, and checks at once.
CHILDREN, AT_ONCE = 20, 8
#: Events at the end of a history in which the last workflow task is searched.
LAST_EVENTS = 100
#: Characters of an error message.
MAX_MESSAGE = 300

#: Failures that are part of normal operation.
_ORDINARY = {
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_STICKY_TASK_QUEUE,
}
_FRAME = re.compile(r'File ".*?([^/\\"]+)", line (\d+), in (\S+)')


async def mark_stuck(client: Client, runs: list[Run]) -> list[Run]:
    """The runs, with status ``stuck`` and the ``problem`` where they are, and with their ``delays``.

    Costs a request or two for each open run, and as many for each of the task queues where one of them waits.
    """
    limit = asyncio.Semaphore(AT_ONCE)
    now = datetime.now(UTC)
    waits: dict[str, list[Delay]] = {}

    async def one(found: Run) -> Run:
        if found.status not in OPEN:
            return found
        read: list[DescribeWorkflowExecutionResponse] = []
        async with limit:
            problem = await problem_of(client, found.workflow_id, found.execution_id, read.append)
        if problem is not None:
            return replace(found, status="stuck", problem=problem)
        waits[found.workflow_id] = [delay for each in read for delay in possible_delays(each, now)]
        return found

    examined = await asyncio.gather(*(one(found) for found in runs))
    real = await confirmed_delays(client, waits)
    return [replace(found, delays=real.get(found.workflow_id, ())) for found in examined]


async def problem_of(
    client: Client,
    workflow_id: str,
    execution_id: str | None = None,
    on_description: Callable[[DescribeWorkflowExecutionResponse], None] = lambda _: None,
) -> str | None:
    """Why the workflow task of the workflow, or of one of its first child workflows, fails; None when none does.

    ``on_description`` is called with what the server says about each of them.
    """
    with IgnoreNotFound():
        handle = client.get_workflow_handle(workflow_id, run_id=execution_id)
        description = (await handle.describe()).raw_description
        on_description(description)
        if description.HasField("pending_workflow_task") and description.pending_workflow_task.attempt > 1:
            problem = await _last_failure(
                client, workflow_id, description.workflow_execution_info.execution.run_id
            )
            if problem is not None:
                return problem
        for child in description.pending_children[:CHILDREN]:
            problem = await problem_of(client, child.workflow_id, child.run_id or None, on_description)
            if problem is not None:
                return problem
    return None


def error_summary(name: str, message: str, trace: str) -> str:
    """An error in one line: its type, its message, and where in mftctl it was raised."""
    line = " ".join(message.split())
    line = line if len(line) <= MAX_MESSAGE else f"{line[:MAX_MESSAGE]}..."
    frames = [
        found.groups() for one in trace.splitlines() if "mftctl" in one and (found := _FRAME.search(one))
    ]
    where = " ({}:{} in {})".format(*frames[-1]) if frames else ""
    return (f"{name}: {line}" if name else line) + where


async def _last_failure(client: Client, workflow_id: str, execution_id: str) -> str | None:
    """How the last workflow task failed; None when it completed, or was only lost with its worker."""
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
            cause = WorkflowTaskFailedCause.Name(about.cause).removeprefix("WORKFLOW_TASK_FAILED_CAUSE_")
            message = failure.message or cause.replace("_", " ").lower()
            return error_summary(failure.application_failure_info.type, message, failure.stack_trace)
    return None
