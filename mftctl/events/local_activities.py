"""Local activities about events: short calls to the server, made by whichever worker runs the workflow."""

from __future__ import annotations

from typing import Any

from temporalio import activity
from temporalio.client import Client

from ..control.unreadable import Warnings
from ..engine.activities import DELIVER, START
from . import delivery
from .rules import Event


class EventActivities:
    """Tells deployments of events, and starts the runs that they are waited for with."""

    def __init__(self, client: Client, warn: Warnings) -> None:
        self._client = client
        self._warn = warn

    @activity.defn(name=DELIVER)
    async def deliver(self, event: dict[str, Any]) -> list[str]:
        """Tell the deployments that wait for the event; their names."""
        return await delivery.deliver(self._client, Event.from_plain(event), self._warn)

    @activity.defn(name=START)
    async def start(self, given: dict[str, Any]) -> dict[str, Any]:
        """Start a run of ``deployment`` if all it waits for is ``pending``; the listener's next state."""
        pending = [Event.from_plain(one) for one in given["pending"]]
        return await delivery.start_due(self._client, given["deployment"], pending)
