"""The attempts at a task, carried in Temporal's heartbeats: the server itself remembers only the last one."""

from __future__ import annotations

import time
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

#: Characters of the message of each earlier attempt.
MAX_MESSAGE = 300


class AttemptHistory:
    """This attempt and the known ones before it: number (from 0), begin, end (Unix seconds), message.

    Each heartbeat carries them to the next attempt, and the task's end to the run's history.
    """

    def __init__(self) -> None:
        info = activity.info()
        details = info.heartbeat_details
        self._earlier: list[dict[str, Any]] = details[0] if details and isinstance(details[0], list) else []
        # Temporal counts from 1 again when somebody resets the activity; in the datastore the last attempt counts.
        self.number = max([info.attempt - 1, *(one["number"] + 1 for one in self._earlier)])
        self._this: dict[str, Any] = {"number": self.number, "began": round(time.time(), 3)}

    @property
    def losses(self) -> int:
        """How many of the earlier ones were lost: with their process, or with their worker."""
        return sum(one.get("lost", "ended" not in one) for one in self._earlier)

    def lose(self) -> None:
        """Note that this attempt is lost: it did not end by itself."""
        self._this["lost"] = True

    def heartbeat(self) -> None:
        """Send a heartbeat."""
        activity.heartbeat([*self._earlier, self._this])

    def added_to(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result of this attempt, or the details of its failure, with the earlier ones."""
        return {**result, "attempts": self._earlier} if self._earlier else result

    def fail(self, error: ApplicationError) -> None:
        """Note that this attempt failed; a last heartbeat carries the message, where another attempt follows."""
        if not error.non_retryable:
            self._this |= {"ended": round(time.time(), 3), "message": error.message[:MAX_MESSAGE]}
            self.heartbeat()
