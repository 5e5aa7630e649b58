"""The state and the attempt of a task that has not ended, from the server's answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.converter import DataConverter

#: Seconds by which the clock of a worker may differ from the server's.
CLOCKS = 1.0
State = Literal["running", "waiting", "retrying"]
_RUNNING = (
    PendingActivityState.PENDING_ACTIVITY_STATE_STARTED,
    PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED,
)


def state_of(pending: PendingActivityInfo) -> State:
    """The state of a task that has not ended."""
    if pending.state in _RUNNING:
        return "running"
    return "retrying" if pending.attempt > 1 else "waiting"


async def heartbeats_of(pending: PendingActivityInfo, converter: DataConverter) -> list[dict[str, Any]]:
    """The attempts in its last heartbeat, the last of which sent it (``worker/attempt_history.py``)."""
    if not pending.heartbeat_details.payloads:
        return []
    found: list[list[dict[str, Any]]] = await converter.decode(pending.heartbeat_details.payloads, [list])
    return found[0]


def number_of(pending: PendingActivityInfo, attempts: Sequence[dict[str, Any]]) -> int:
    """The attempt, from 0, that runs or comes next; ``attempts`` as ``heartbeats_of`` gives them.

    Temporal counts from 1 again when somebody resets the activity, the worker does not.
    """
    number = pending.attempt - 1
    if not attempts:
        return number
    last = attempts[-1]
    over = "ended" in last or last.get("lost") or pending.state not in _RUNNING
    if not over and last["number"] > number:
        began = pending.last_started_time
        over = last["began"] < began.seconds + began.nanos / 1e9 - CLOCKS
    return max(number, int(last["number"]) + bool(over))
