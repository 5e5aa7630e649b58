"""What a listener has: events that come in, those that wait for others, what came of the last; without Temporal."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from ..model.event import Event, invalid_reason

#: Ids of events that are remembered, so that one told again is not taken for another.
MAX_REMEMBERED = 1000


class Inbox:
    """Takes events in the order of their signals, one after the other; all of it follows from signals and answers.

    ``owner`` is the id of the workflow's execution, of which events without an id get theirs.
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
        """Whether no event is to be read."""
        return not self._unread

    def take(self, plain: Any, at: float) -> None:
        """A signal came at that time, in Unix seconds; one that is no event is told of in the state."""
        self._taken += 1
        problem = invalid_reason(plain)
        if problem:
            self._last = {"run_id": None, "problem": f"a signal was no event: {problem}"}
            return
        filled = {"id": str(uuid.uuid5(uuid.UUID(self._owner), str(self._taken))), "timestamp": at, **plain}
        self._unread.append(Event.from_plain(filled))

    def read(self) -> bool:
        """Read the next event that was not told before; False when there is none."""
        while self._unread:
            event = self._unread.pop(0)
            key = _key(event)
            if key not in self._seen:
                self._seen = [*self._seen, key][-MAX_REMEMBERED:]
                self._pending.append(event)
                return True
        return False

    def asked(self) -> dict[str, Any]:
        """The question whether a run of the deployment is due with the events that have been read."""
        return {"deployment": self._deployment, "pending": [one.to_plain() for one in self._pending]}

    def answered(self, answer: Mapping[str, Any]) -> None:
        """What came of it: the events that still wait, and the run that was started."""
        self._pending = [Event.from_plain(one) for one in answer["pending"]]
        self._last = answer.get("last") or self._last

    def size(self) -> int:
        """Bytes of its state as JSON."""
        return len(json.dumps(self.state()))

    def state(self) -> dict[str, Any]:
        """All of it as JSON values, for the next execution to go on with."""
        return {
            **self.asked(),
            "inbox": [one.to_plain() for one in self._unread],
            "seen": self._seen,
            "last": self._last,
        }


def _key(event: Event) -> str:
    """What tells an event from others, in a few bytes."""
    return hashlib.sha256(f"{event.name}\0{event.id}".encode()).hexdigest()[:16]
