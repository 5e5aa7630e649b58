"""A host seen from its worker: a process that has imported a flow, and the supervisors that it has forked."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..interpreter.client import Client, ProcessEnded
from ..interpreter.inside.protocol import PLAIN, STARTED
from ..model.errors import MftctlError
from .freshness import Freshness

#: The host has many sockets to take yet.
_FULL = (errno.EAGAIN, errno.ETOOMANYREFS)


@dataclass(frozen=True)
class Supervisor:
    """A process of a host that answers one request at a time."""

    client: Client
    host: Host
    kind: bytes

    async def request(
        self,
        kind: str,
        fields: Mapping[str, Any],
        *,
        on_event: Callable[[Any], None] = lambda _: None,
        **options: Any,
    ) -> dict[str, Any]:
        """See Client.request. One that replies is idle again; one that does not is closed, with what it runs."""
        group = 0

        def take(event: Any) -> None:
            nonlocal group
            if "group" in event:
                group = event["group"]
            else:
                on_event(event)

        try:
            answer: dict[str, Any] = await self.client.request(kind, fields, on_event=take, **options)
        except MftctlError:
            self.release()
            raise
        except BaseException as error:
            if isinstance(error, ProcessEnded) and group:
                # What its task has started would run on beside the next attempt, on the same GPU.
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)
            self.client.close()
            self.host.take_back()
            raise
        self.release()
        return answer

    def release(self) -> None:
        """Make it idle, for the next request."""
        self.host.idle[self.kind].append(self)
        self.host.take_back()


class Host:
    """A running host; once it is retired it finishes what it runs, and gets no more.

    ``memory``: bytes that it takes. ``startable``: whether it has supervisors that start the flow's command line once.
    """

    def __init__(self, client: Client, freshness: Freshness, memory: int, *, startable: bool) -> None:
        self.memory = memory
        self._startable = startable
        self._client = client
        self._freshness = freshness
        self._retired = False
        self._ending: asyncio.Task[None] | None = None
        self._busy = 0
        self.idle: dict[bytes, list[Supervisor]] = {PLAIN: [], STARTED: []}

    @property
    def alive(self) -> bool:
        """Whether its process still runs."""
        return self._client.alive

    @property
    def pid(self) -> int:
        """Its process."""
        return self._client.pid

    @property
    def busy(self) -> bool:
        """Whether one of its supervisors is in use."""
        return self._busy > 0

    @property
    def stale(self) -> bool:
        """Whether what it has imported may be out of date."""
        return self._freshness.expired

    async def supervisor(self, *, started: bool) -> Supervisor:
        """An idle supervisor, or a new one; OSError when the host has ended.

        ``started``: its tasks may share the start of the flow's command line.
        """
        kind = STARTED if started and self._startable else PLAIN
        while self.idle[kind]:
            found = self.idle[kind].pop()
            if found.client.usable:
                self._busy += 1
                return found
            found.client.close()
        ours, theirs = socket.socketpair()
        self._busy += 1
        try:
            with theirs:
                await self._pass(theirs, kind)
            client = Client(ours)
            await client.connect()
        except BaseException:
            ours.close()
            self.take_back()
            raise
        return Supervisor(client, self, kind)

    async def _pass(self, theirs: socket.socket, kind: bytes) -> None:
        """Give the host a socket, as soon as it has taken those before."""
        while True:
            try:
                self._client.pass_socket(theirs, kind)
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                await asyncio.sleep(0.01)
            else:
                return

    @property
    def spare(self) -> int:
        """How many supervisors are idle."""
        return sum(map(len, self.idle.values()))

    def trim(self, number: int) -> None:
        """End as many idle supervisors, those that were idle for longest first."""
        for idle in self.idle.values():
            ended, idle[:] = idle[:number], idle[number:]
            number -= len(ended)
            for supervisor in ended:
                supervisor.client.close()

    def take_back(self) -> None:
        """Count one supervisor less in use."""
        self._busy -= 1
        self._end_if_drained()

    def retire(self) -> None:
        """End it as soon as it runs no task: a task may use what the exit handlers clean up."""
        self._retired = True
        self._end_if_drained()

    async def close(self) -> None:
        """End it now; its supervisors end when they have finished what they run."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    def _end_if_drained(self) -> None:
        if self._retired and not self.busy and self._ending is None:
            self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        for supervisor in (*self.idle[PLAIN], *self.idle[STARTED]):
            supervisor.client.close()
        await self._client.end()
