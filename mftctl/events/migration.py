"""A listener's move to another task queue: a workflow cannot change its own, so another one takes its place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.converter import DataConverter

from . import listener
from .inbox import Inbox


async def move(client: Client, found: WorkflowExecutionDescription, task_queue: str) -> None:
    """Start a listener on the task queue with all that the one that was found on another queue has kept.

    Its history says what that is: nobody may be there who works for the old queue, and could be asked. Events that it
    was just at start the same runs once more, and the server takes a run's id once.
    """
    old = client.get_workflow_handle(found.id, run_id=found.run_id)
    events = [event async for event in old.fetch_history_events()]
    new = await client.start_workflow(
        listener.LISTENER_TYPE,
        await state_from_history(client.data_converter, str(found.run_id), events),
        id=found.id,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
    )
    # It has ended now; what came to it after it was read goes the way of any event.
    async for event in old.fetch_history_events():
        if event.event_id > events[-1].event_id and _is_signal(event):
            await new.signal(listener.SIGNAL, await _signal(client.data_converter, event))


async def state_from_history(
    converter: DataConverter, run_id: str, events: Iterable[HistoryEvent]
) -> dict[str, Any]:
    """The state in which the history of an execution of the listener leaves it."""
    inbox: Inbox | None = None
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            given = event.workflow_execution_started_event_attributes.input
            inbox = Inbox((await converter.decode(given.payloads, [dict]))[0], run_id)
        elif inbox is not None and _is_signal(event):
            inbox.take(await _signal(converter, event), event.event_time.ToMilliseconds() / 1000)
        elif inbox is not None and event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            answer = event.marker_recorded_event_attributes.details.get("result")
            if answer is None:  # a try that failed, and is tried again
                continue
            inbox.read()
            inbox.answered((await converter.decode(answer.payloads, [dict]))[0])
    assert inbox is not None, "a history begins with the start"
    return inbox.state()


def _is_signal(event: HistoryEvent) -> bool:
    return (
        event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        and event.workflow_execution_signaled_event_attributes.signal_name == listener.SIGNAL
    )


async def _signal(converter: DataConverter, event: HistoryEvent) -> Any:
    """What was signalled; None where that is nothing, or nothing that can be read."""
    payloads = event.workflow_execution_signaled_event_attributes.input.payloads
    try:
        return (await converter.decode(payloads))[0] if payloads else None
    except (RuntimeError, KeyError):
        return None
