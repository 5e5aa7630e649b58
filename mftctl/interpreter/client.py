"""Requests to a process of the flow's interpreter: numbered, one at a time (``inside/attempt/supervisor.py``)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

#: Bytes of answers and lines that are read ahead of whoever wants them; the other end waits then.
_AHEAD = 256 * 1024

#: Seconds in which a request that is to stop has its answer: twice what a task has, also one that runs elsewhere, and
#: time to save its log. Who has not answered by then never will, and is killed.
STOP_LIMIT = 120.0


class Gone(Exception):
    """The process has ended without an answer."""


class Hindered(Exception):
    """What kept the machine from doing it: no fault of the flow's."""


class Client:
    """One end of a socket to such a process; the other end serves one request after the other."""

    def __init__(
        self, sock: socket.socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._sock = sock
        self._reader = reader
        self._writer = writer
        self._number = 0
        self._ended = False
        self._line = b""
        self._pid: int | None = None

    @classmethod
    async def over(cls, sock: socket.socket) -> Client:
        """The client that talks over ``sock``, which is its own from now on."""
        return cls(sock, *await asyncio.open_connection(sock=sock, limit=_AHEAD))

    @property
    def usable(self) -> bool:
        """Whether the other end can be there."""
        return not self._ended and not self._reader.at_eof()

    async def ask(
        self,
        kind: str,
        fields: Mapping[str, Any],
        *,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        stop: Callable[[], Mapping[str, Any]] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - a part of the protocol: who has not answered by then is gone
    ) -> dict[str, Any]:
        """The answer to a request. Gone, Hindered, or TimeoutError after ``timeout`` seconds.

        ``on_event`` is told what comes before the answer. Where ``stop`` is given, a first cancellation asks the other
        end to stop, with these fields, and its answer counts, whatever it is; a second one comes through. Who does not
        answer that within STOP_LIMIT is killed, and gone.
        """
        self._number += 1
        number = self._number
        self._send({"number": number, "kind": kind, **fields})
        async with asyncio.timeout(timeout) as limit:
            while True:
                try:
                    message = await self._receive()
                except asyncio.CancelledError:
                    if stop is None:
                        if timeout is None and limit.expired():
                            self._kill()
                            raise Gone from None
                        raise
                    self._send({"kind": "stop", "of": number, **stop()})
                    stop = None
                    timeout = None
                    limit.reschedule(asyncio.get_running_loop().time() + STOP_LIMIT)
                    continue
                about = message.pop("number", None)
                if about not in {None, number}:
                    continue
                if "event" in message:
                    if on_event is not None:
                        on_event(message)
                elif "why" in message:
                    # Without a number it is a host's that could start nobody to answer.
                    self._ended = about is None
                    raise Hindered(message["why"])
                else:
                    return message

    def pass_socket(self, other: socket.socket) -> None:
        """Give the other end a socket; OSError when it is gone."""
        socket.send_fds(self._sock, [b"."], [other.fileno()])

    def close(self) -> None:
        """Let the other end go, with what it does."""
        self._ended = True
        self._writer.close()

    def _kill(self) -> None:
        """End a process that holds its end of the connection, and so is there; its task ends with it."""
        if self._pid is not None and self.usable:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._ended = True

    def _send(self, message: Mapping[str, Any]) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def _receive(self) -> dict[str, Any]:
        """The next message, of any length. A cancellation meanwhile loses nothing of it."""
        while True:
            message = await self._next()
            if "pid" not in message:
                return message
            self._pid = message["pid"]

    async def _next(self) -> dict[str, Any]:
        while not self._line.endswith(b"\n"):
            try:
                self._line += await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as part:
                # It is there already, so this does not wait.
                self._line += await self._reader.readexactly(part.consumed)
            except (asyncio.IncompleteReadError, OSError):
                self._ended = True
                raise Gone from None
        line, self._line = self._line, b""
        message: dict[str, Any] = json.loads(line)
        return message
