"""Requests that a process of the flow's interpreter answers, one at a time; ``interpreter/client.py`` is the other end.

A request is ``{"number", "kind", ...}``. Any number of events follow, ``{"number", "event"}``, then one reply:
``{"number", "answer"}``, or ``{"number", "error"}`` with what ``MftctlError.to_plain`` gives. An error without
a number is the reply to whatever is requested. ``{"kind": "stop", "of"}`` stops the request with the number ``of``; it
has no reply, and no effect once that request has its own.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from os import getpid  # its own, whatever the flow makes of it
from typing import Any, Callable, Optional

from ...model.errors import MftctlError
from .channel import Channel

#: Code of the error that a host replies with when it cannot fork the flow's tasks.
UNFORKABLE = "flow.unforkable"
#: With the socket of a supervisor: whether it starts the flow's command line once for all of its tasks.
PLAIN, STARTED = b".", b"s"


@dataclass(frozen=True)
class Request:
    """A request, and the channel that its events and its reply go to. ``fields``: what its kind needs."""

    channel: Channel
    number: Optional[int]
    kind: str
    fields: dict[str, Any]

    def answer(self, value: Any) -> None:
        """Reply with JSON values."""
        self.channel.send({"number": self.number, "answer": value})

    def fail(self, error: MftctlError) -> None:
        """Reply with an error."""
        self.channel.send({"number": self.number, "error": error.to_plain()})

    def offer(self, event: Any, patience: float) -> bool:
        """Send an event, as ``Channel.offer`` does."""
        return self.channel.offer({"number": self.number, "event": event}, patience)


#: Returns the answer to a request; the error that it raises is the reply.
Handler = Callable[[Request], Any]


def receive(channel: Channel) -> Optional[Request]:
    """Wait for the next request; None when the other end is gone."""
    while (message := channel.receive()) is not None:
        if message.get("kind") != "stop":
            return Request(channel, message.get("number"), str(message.get("kind")), message)
    return None


def serve(channel: Channel, handlers: Mapping[str, Handler]) -> None:
    """Answer requests with the handler of their kind until the other end is gone.

    Before the first one the other end gets ``{"pid"}``: which process to kill when it does not answer.
    """
    channel.send({"pid": getpid()})
    while (request := receive(channel)) is not None:
        try:
            handler = handlers.get(request.kind)
            if handler is None:
                raise MftctlError(f"this version of mftctl has no request of kind {request.kind}")
            answer = handler(request)
        except MftctlError as error:
            request.fail(error)
        except Exception as error:
            # A full disk, a datastore that does not answer, a process limit: it may work later, or elsewhere.
            traceback.print_exc()
            request.fail(MftctlError(f"{type(error).__name__}: {error}"))
        else:
            if channel.ended:
                return
            request.answer(answer)


def refuse(channel: Channel, error: MftctlError) -> None:
    """Reply to whatever is requested over a channel that nobody serves."""
    channel.send({"error": error.to_plain()})
