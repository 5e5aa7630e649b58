"""Attempts of tasks, whose numbers Temporal begins again when somebody resets an activity."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.converter import DataConverter

from mftctl.control.runs.pending_activity import heartbeats_of, number_of
from mftctl.control.runs.record import TaskRecord
from mftctl.control.runs.record_builder import RecordBuilder

RUNS = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
WAITS = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
FAILED: dict[str, Any] = {"began": 10.0, "ended": 20.0}


def pending(attempt: int, state: Any, began: float = 100.0) -> PendingActivityInfo:
    """What the server says of a task, in its own count of attempts, from 1."""
    found = PendingActivityInfo(attempt=attempt, state=state)
    found.last_started_time.FromNanoseconds(int(began * 1e9))
    return found


@pytest.mark.parametrize(
    ("server", "beats", "number"),
    [
        (pending(1, RUNS), [], 0),
        (pending(2, RUNS), [{"number": 0, **FAILED}], 1),
        (pending(2, RUNS), [{"number": 0, **FAILED}, {"number": 1, "began": 100.0}], 1),
        # A worker whose clock is behind.
        (pending(2, RUNS), [{"number": 1, "began": 50.0}], 1),
        (pending(3, WAITS), [{"number": 1, "began": 10.0}], 2),
        # Reset while it waited, and then started; while it ran; and after the next one has sent a heartbeat.
        (pending(1, WAITS), [{"number": 0, **FAILED}], 1),
        (pending(1, RUNS), [{"number": 1, **FAILED}], 2),
        (pending(1, RUNS), [{"number": 2, "began": 60.0}], 3),
        (pending(1, RUNS), [{"number": 2, "began": 60.0, "lost": True}], 3),
        (pending(1, RUNS), [{"number": 2, **FAILED}, {"number": 3, "began": 100.0}], 3),
    ],
)
def test_the_attempt_is_that_of_the_worker(
    server: PendingActivityInfo, beats: list[dict[str, Any]], number: int
) -> None:
    """It counts on from what the last heartbeat tells."""

    async def read() -> int:
        converter = DataConverter.default
        if beats:
            server.heartbeat_details.payloads.extend(await converter.encode([beats]))
        return number_of(server, await heartbeats_of(server, converter))

    assert asyncio.run(read()) == number


def test_a_task_that_ended_after_a_reset_has_all_its_attempts() -> None:
    """In their order; the last one has the worker's number, in which its log and artifacts are kept."""

    async def read() -> TaskRecord:
        converter = DataConverter.default
        builder, task = RecordBuilder(converter), TaskRecord("task", "a", "temporal-a-0", "a", 1.0)
        started = HistoryEvent(event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
        started.activity_task_started_event_attributes.scheduled_event_id = 5
        started.activity_task_started_event_attributes.attempt = 1
        ended = HistoryEvent(event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
        about = ended.activity_task_completed_event_attributes
        about.scheduled_event_id = 5
        earlier = [{"number": 0, **FAILED}, {"number": 1, **FAILED}]
        about.result.payloads.extend(await converter.encode([{"attempts": earlier}]))
        for event in (started, ended):
            await builder.take(event, {5: task})
        return task

    task = asyncio.run(read())
    assert [(one.number, one.state) for one in task.attempts] == [(0, "failed"), (1, "failed"), (2, "done")]
    assert task.retries == 2
