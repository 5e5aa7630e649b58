"""The states of a run in the words of Metaflow's orchestrators, which its Deployer passes on."""

from __future__ import annotations

from collections.abc import Collection

#: Our words for a run's status, and Step Functions' (SUSPENDED is Argo's). The Deployer adds PENDING.
STATES = {
    "running": "RUNNING",
    "paused": "SUSPENDED",
    "stuck": "RUNNING",
    "completed": "SUCCEEDED",
    "failed": "FAILED",
    "timed_out": "TIMED_OUT",
    "cancelled": "ABORTED",
    "terminated": "ABORTED",
}
#: The states that a list can be cut down to: a list does not ask each run whether it is suspended.
LISTED = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
#: Runs that a list shows at most.
MOST = 1000


def statuses_of(states: Collection[str]) -> tuple[str, ...]:
    """Our words for the ``states``; those that only a look at each run would tell are left out."""
    return tuple(ours for ours, theirs in STATES.items() if theirs in states and theirs in LISTED)
