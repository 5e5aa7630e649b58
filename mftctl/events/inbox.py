"""The state of a listener: unread and pending events, and the result of the last start; without Temporal."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from ..model.event import Event, invalid_reason

#: Event ids that are remembered, to drop events that are sent again.
MAX_REMEMBERED = 1000


class Inbox:
    """Handles events one after the other, in the order of their signals; signals and answers determine its state.

    ``owner``: the id of the workflow's execution, from which events without an id get one.
    """

    def __init__(self, given: Mapping[str, Any], owner: str) -> None:
        self._deployment: str = given["deployment"]
        self._owner = owner
        self._taken = 0
        self._unread = [Event.from_plain(one) for one in given.get("inbox", ())]
        self._pending = [Event.from_plain(one) for one in given.get("pending", ())]
        self._seen: list[str] = list(given.get("seen", ()))
        self._last: dict[str, Any] = dict(given.get("last", {}))

    @property
    def empty(self) -> bool:
        """Whether no event is unread."""
        return not self._unread

    def receive(self, plain: Any, at: float) -> None:
        """Take a signal of that time (Unix seconds); one that is not an event becomes a problem in the state."""
        self._taken += 1
        problem = invalid_reason(plain)
        if problem:
            self._last = {"run_id": None, "problem": f"a signal was not an event: {problem}"}
            return
        filled = {"id": str(uuid.uuid5(uuid.UUID(self._owner), str(self._taken))), "timestamp": at, **plain}
        self._unread.append(Event.from_plain(filled))

    def read_next(self) -> bool:
        """Move the next new event to the pending ones; False when there is none."""
        while self._unread:
            event = self._unread.pop(0)
            key = _key(event)
            if key not in self._seen:
                self._seen = [*self._seen, key][-MAX_REMEMBERED:]
                self._pending.append(event)
                return True
        return False

    def request(self) -> dict[str, Any]:
        """The input of the activity that starts a run if the pending events are complete."""
        return {"deployment": self._deployment, "pending": [one.to_plain() for one in self._pending]}

    def apply(self, answer: Mapping[str, Any]) -> None:
        """Apply the activity's result: the events that are still pending, and the run that was started."""
        self._pending = [Event.from_plain(one) for one in answer["pending"]]
        self._last = answer.get("last") or self._last

    def size(self) -> int:
        """Bytes of its state as JSON."""
        return len(json.dumps(self.state()))

    def state(self) -> dict[str, Any]:
        """The state as JSON values, with which the next execution continues."""
        return {
            **self.request(),
            "inbox": [one.to_plain() for one in self._unread],
            "seen": self._seen,
            "last": self._last,
        }


def _key(event: Event) -> str:
    """A short digest that identifies the event."""
    return hashlib.sha256(f"{event.name}\0{event.id}".encode()).hexdigest()[:16]
