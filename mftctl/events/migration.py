"""Move a listener to another task queue: a workflow cannot change its own, so a new one replaces it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.converter import DataConverter

from ..control.history_events import history_events
from . import listener
from .inbox import Inbox

#: Bytes of JSON that a listener starts with at most: the server refuses 2 MiB. What is more is sent as signals.
MAX_STATE = 2_000_000


async def move(client: Client, found: WorkflowExecutionDescription, task_queue: str) -> None:
    """Start a listener on ``task_queue`` with the state of the one ``found`` on another queue.

    The state is computed from its history, because the old queue may have no worker to query. Events that it was
    handling start the same runs again, and the server accepts a run id once.
    """
    old = client.get_workflow_handle(found.id, run_id=found.run_id)
    events = [event async for event in history_events(old)]
    state = await state_from_history(client.data_converter, str(found.run_id), events)
    unread = _cut(state)
    new = await client.start_workflow(
        listener.LISTENER_TYPE,
        state,
        id=found.id,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
    )
    for plain in unread:
        await new.signal(listener.SIGNAL, plain)
    # The old one has ended: send on the events that arrived after its history was read, also as it continued as new.
    execution, known = found.run_id, events[-1].event_id
    while execution:
        old, execution = client.get_workflow_handle(found.id, run_id=execution), ""
        async for event in history_events(old):
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
                execution = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
            elif event.event_id > known and _is_signal(event):
                await new.signal(listener.SIGNAL, await _signal(client.data_converter, event))
        known = 0


def _cut(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Cut the unread events of a state to what a workflow's input takes; the others, which keep their order."""
    size, kept = len(json.dumps({**state, "inbox": []})), 0
    for plain in state["inbox"]:
        size += len(json.dumps(plain)) + 2
        if size > MAX_STATE:
            break
        kept += 1
    unread: list[dict[str, Any]] = state["inbox"]
    state["inbox"] = unread[:kept]
    return unread[kept:]


async def state_from_history(
    converter: DataConverter, run_id: str, events: Iterable[HistoryEvent]
) -> dict[str, Any]:
    """The state of a listener after the history of its execution."""
    inbox: Inbox | None = None
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            given = event.workflow_execution_started_event_attributes.input
            inbox = Inbox((await converter.decode(given.payloads, [dict]))[0], run_id)
        elif inbox is not None and _is_signal(event):
            inbox.receive(await _signal(converter, event), event.event_time.ToMilliseconds() / 1000)
        elif inbox is not None and event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            answer = event.marker_recorded_event_attributes.details.get("result")
            if answer is None:  # a failed attempt, which is retried
                continue
            inbox.read_next()
            inbox.apply((await converter.decode(answer.payloads, [dict]))[0])
    assert inbox is not None, "a history begins with the start"
    return inbox.state()


def _is_signal(event: HistoryEvent) -> bool:
    return (
        event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        and event.workflow_execution_signaled_event_attributes.signal_name == listener.SIGNAL
    )


async def _signal(converter: DataConverter, event: HistoryEvent) -> Any:
    """The value of the signal; None when there is none, or it cannot be decoded."""
    payloads = event.workflow_execution_signaled_event_attributes.input.payloads
    try:
        return (await converter.decode(payloads))[0] if payloads else None
    except (RuntimeError, KeyError):
        return None
