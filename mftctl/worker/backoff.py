"""How long Temporal waits before the next attempt at a task, unless the user's @retry says how long."""

from __future__ import annotations

from datetime import timedelta

#: Temporal takes a delay of zero for none given.
AT_ONCE = timedelta(milliseconds=1)
#: Initial backoff; it doubles each time.
INITIAL = timedelta(seconds=5)


def cannot_run_here(attempt: int) -> timedelta:
    """After ``attempt`` attempts before this one that the worker could not run: another worker may be able to."""
    return INITIAL * (1 << attempt)


def lost(losses: int) -> timedelta:
    """After a loss, and ``losses`` before it: what ends the task's process might end it every time."""
    return INITIAL * (1 << (losses - 1)) if losses else AT_ONCE
