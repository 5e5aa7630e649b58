"""The statuses of a run, and the states that Metaflow's orchestrators and its Deployer call them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, get_args

Status = Literal["running", "paused", "stuck", "completed", "failed", "cancelled", "terminated", "timed_out"]
STATUSES: tuple[Status, ...] = get_args(Status)
#: Statuses of a run that has not ended, and of one that has.
OPEN, CLOSED = STATUSES[:3], STATUSES[3:]
#: The state of each status in the words of Step Functions; SUSPENDED is Argo's. The Deployer adds PENDING.
STATES: dict[str, str] = {
    "running": "RUNNING",
    "paused": "SUSPENDED",
    "stuck": "RUNNING",
    "completed": "SUCCEEDED",
    "failed": "FAILED",
    "timed_out": "TIMED_OUT",
    "cancelled": "ABORTED",
    "terminated": "ABORTED",
}
#: The states that a list can be filtered by: a list does not ask each run whether it is suspended.
FILTERS = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
#: Runs that a list shows at most.
MAX_RUNS = 1000


def statuses_of(states: Collection[str]) -> tuple[str, ...]:
    """The statuses that have one of the ``states``, of those that a list can be filtered by."""
    return tuple(status for status, state in STATES.items() if state in states and state in FILTERS)
