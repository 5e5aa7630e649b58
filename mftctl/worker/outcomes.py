"""What becomes of the attempts at a task, as far as Temporal is to remember it."""

from __future__ import annotations

import time
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

#: Characters of the message of each earlier attempt.
MAX_MESSAGE = 300


class Attempts:
    """The attempts at a task that this worker and those before can tell of: number, begin, end (Unix seconds), message.

    The server remembers only the last one, so each beat carries them on, and the task's end tells of them.
    """

    def __init__(self, number: int) -> None:
        details = activity.info().heartbeat_details
        told = details[0] if details and isinstance(details[0], list) else []
        self._earlier: list[dict[str, Any]] = [one for one in told if one["number"] < number]
        self._this: dict[str, Any] = {"number": number, "began": round(time.time(), 3)}

    @property
    def lost(self) -> int:
        """How many of the earlier ones were lost: with their process, or with the worker that would have told."""
        return sum(one.get("lost", "ended" not in one) for one in self._earlier)

    def lose(self) -> None:
        """This one is lost: it has come to no end of its own."""
        self._this["lost"] = True

    def beat(self) -> None:
        """Tell the server that the attempt goes on."""
        activity.heartbeat([*self._earlier, self._this])

    def added_to(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result of a good end."""
        return {**result, "attempts": self._earlier} if self._earlier else result

    def failed(self, error: ApplicationError) -> ApplicationError:
        """The error of a bad one; where there is another attempt, it is told by a last beat."""
        message = error.message[:MAX_MESSAGE]
        if not error.non_retryable:
            self._this |= {"ended": round(time.time(), 3), "message": message}
            self.beat()
        if not self._earlier or not error.details:
            return error
        details = {**error.details[0], "attempts": self._earlier}
        return ApplicationError(
            error.message,
            details,
            type=error.type,
            non_retryable=error.non_retryable,
            next_retry_delay=error.next_retry_delay,
        )
