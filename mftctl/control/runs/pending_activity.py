"""The state of a task that has not ended, from the server's answer."""

from __future__ import annotations

from typing import Literal

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo

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
