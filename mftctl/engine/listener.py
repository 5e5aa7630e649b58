"""The workflow that keeps the events of a deployment until they start a run: one a deployment with triggers.

Events come as signals, so that none is lost while no worker is there; what is to be done about them is asked of the
deployment as it is now, in a local activity, so that a new version of it counts at once.
"""

from __future__ import annotations

import hashlib
from typing import Any

from temporalio import workflow

from .activities import CALL_TIMEOUT, RETRY, START
from .events import Event

LISTENER_TYPE = "mftctl.listener"
SIGNAL, STATE = "event", "state"
#: Ids of events that are remembered, so that one told again is not taken for another.
MAX_SEEN = 1000


@workflow.defn(name=LISTENER_TYPE)
class Listener:
    """Starts runs of one deployment."""

    @workflow.init
    def __init__(self, given: dict[str, Any]) -> None:
        self._deployment: str = given["deployment"]
        self._inbox: list[Event] = []
        self._pending = [Event.from_plain(one) for one in given.get("pending", ())]
        self._seen: list[str] = list(given.get("seen", ()))
        self._last: dict[str, Any] = dict(given.get("last", {}))

    @workflow.run
    async def run(self, given: dict[str, Any]) -> None:  # noqa: ARG002 - __init__ has read it
        """Take events one after the other, until the deployment is gone."""
        while True:
            await workflow.wait_condition(lambda: bool(self._inbox))
            event = self._inbox.pop(0)
            key = _key(event)
            if key not in self._seen:
                self._seen = [*self._seen, key][-MAX_SEEN:]
                self._pending.append(event)
                if not await self._start():
                    return
            if workflow.info().is_continue_as_new_suggested() and not self._inbox:
                workflow.continue_as_new(self._state())

    @workflow.signal(name=SIGNAL)
    def event(self, plain: dict[str, Any]) -> None:
        """Something has happened: ``{"name", "payload", "id", "timestamp"}``, all but the name optional."""
        if not plain.get("name"):
            workflow.logger.warning("a signal without a name is no event")
            return
        filled = {"id": str(workflow.uuid4()), "timestamp": workflow.time(), **plain}
        self._inbox.append(Event.from_plain(filled))

    @workflow.query(name=STATE)
    def state(self) -> dict[str, Any]:
        """What waits for other events, and the last run that was started or could not be."""
        return self._state()

    async def _start(self) -> bool:
        """Start a run if that is due; whether the deployment is still there."""
        given = {"deployment": self._deployment, "pending": [one.to_plain() for one in self._pending]}
        answer: dict[str, Any] = await workflow.execute_local_activity(
            START, given, start_to_close_timeout=CALL_TIMEOUT, retry_policy=RETRY, result_type=dict
        )
        self._pending = [Event.from_plain(one) for one in answer["pending"]]
        if answer.get("last"):
            self._last = answer["last"]
        return not answer.get("gone")

    def _state(self) -> dict[str, Any]:
        return {
            "deployment": self._deployment,
            "pending": [one.to_plain() for one in self._pending],
            "seen": self._seen,
            "last": self._last,
        }


def _key(event: Event) -> str:
    """What tells an event from others, in a few bytes."""
    return hashlib.sha256(f"{event.name}\0{event.id}".encode()).hexdigest()[:16]
