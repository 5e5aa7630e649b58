"""The size of a history at which a workflow continues as new: the server ends it at 51,200 events and 50 MB."""

from __future__ import annotations

from temporalio import workflow

#: Events after which a workflow continues as new as soon as nothing is in flight.
MAX_EVENTS = 4096
#: Events, and bytes, after which it starts nothing more until it has. The server warns from 10,240 events and 10 MB on.
DRAIN_EVENTS, DRAIN_BYTES = 8_000, 8_000_000
#: The patch that added these, and the one of before with its own; before that, nothing started from MAX_EVENTS on.
DRAINS, DRAINS_LATE = "drains-at-8000", "drains-late"
_LATE_EVENTS, _LATE_BYTES = 20_000, 20_000_000


def is_long() -> bool:
    """Whether this workflow is to continue as new when nothing is in flight."""
    info = workflow.info()
    return info.get_current_history_length() > MAX_EVENTS or info.is_continue_as_new_suggested()


def drains() -> bool:
    """Whether a workflow that is long starts nothing more until it has continued as new."""
    info = workflow.info()
    events, size = info.get_current_history_length(), info.get_current_history_size()
    if workflow.patched(DRAINS):
        return events > DRAIN_EVENTS or size > DRAIN_BYTES
    if workflow.patched(DRAINS_LATE):
        return events > _LATE_EVENTS or size > _LATE_BYTES
    return True
