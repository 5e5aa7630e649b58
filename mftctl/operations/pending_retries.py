"""The text of pending retries in all views: ``retry 2 of 3 in 1m 58s (10:15:04)``."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from ..model.attempt import NextAttempt

if TYPE_CHECKING:
    from ..control.runs.record import RunRecord, TaskRecord


def retry_text(again: NextAttempt, now: float | None = None) -> str:
    """The number of the retry, and when it is due; ``at once`` within a second."""
    which = f"retry {again.number} of {max(again.number, again.total)}"
    wait = again.at - (time.time() if now is None else now)
    if wait < 1:
        return f"{which} at once"
    at = datetime.fromtimestamp(again.at)  # noqa: DTZ006 - local time, as the lines around it
    return f"{which} in {_countdown(wait)} ({at:%H:%M:%S})"


def retry_sentence(again: NextAttempt) -> str:
    """The same as a sentence."""
    text = retry_text(again)
    return "Retrying" if text.endswith(" at once") else text[0].upper() + text[1:]


def _countdown(seconds: float) -> str:
    """Time left: 58s, 1m 58s, 2h 04m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"


def pending_retry(record: RunRecord, task: TaskRecord) -> NextAttempt | None:
    """The pending retry of a task, if it has one."""
    if task.state != "retrying" or task.next_attempt is None:
        return None
    steps = {**record.manifest.graph, **record.manifest.handlers}
    total = steps[task.step].attempts - 1 if task.step in steps else 0
    return NextAttempt(task.next_number, total, task.next_attempt)
