"""A flow host as its worker sees it: a process with a flow imported, and the supervisors that it has forked."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..interpreter.client import Client, Hindered
from .freshness import Freshness

#: Seconds that a host has to end in once its channel is closed, and again after TERM, and after KILL.
END_GRACE = 5.0


@dataclass(frozen=True)
class Supervisor:
    """A process of a host that answers one request at a time, and the connection to it."""

    client: Client
    host: Host

    async def ask(self, kind: str, fields: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """See Client.ask. Once it has answered it is free again; where it does not, it is let go with what it runs."""
        try:
            answer = await self.client.ask(kind, fields, **options)
        except Hindered:
            self.release()
            raise
        except BaseException:
            self.client.close()
            self.host.take_back()
            raise
        self.release()
        return answer

    def release(self) -> None:
        """It is not wanted any more and may have the next request."""
        self.host.idle.append(self)
        self.host.take_back()


class Host:
    """A running flow host; once it is retired it finishes what it runs, and gets no more."""

    def __init__(self, process: subprocess.Popen[bytes], client: Client, freshness: Freshness) -> None:
        self._process = process
        self._client = client
        self._freshness = freshness
        self._retired = False
        self._ending: asyncio.Task[None] | None = None
        self._busy = 0
        self.idle: list[Supervisor] = []

    @property
    def alive(self) -> bool:
        """Whether its process still runs."""
        return self._process.poll() is None

    @property
    def busy(self) -> bool:
        """Whether one of its supervisors is in use."""
        return self._busy > 0

    @property
    def stale(self) -> bool:
        """Whether what it has imported may be out of date."""
        return self._freshness.over

    async def supervisor(self) -> Supervisor:
        """One that is free, or a new one; OSError when the host is gone."""
        while self.idle:
            found = self.idle.pop()
            if found.client.usable:
                self._busy += 1
                return found
            found.client.close()
        self._busy += 1
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._client.pass_socket(theirs)
            client = await Client.over(ours)
        except BaseException:
            ours.close()
            self.take_back()
            raise
        return Supervisor(client, self)

    def take_back(self) -> None:
        """One of its supervisors is not in use any more."""
        self._busy -= 1
        self._end_if_drained()

    def retire(self) -> None:
        """End it as soon as it runs nothing: its tasks may use what its exit handlers clean up."""
        self._retired = True
        self._end_if_drained()

    async def close(self) -> None:
        """End it now: it does when its channel closes, its supervisors when they have done what they run."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    def _end_if_drained(self) -> None:
        if self._retired and not self.busy and self._ending is None:
            self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        for supervisor in self.idle:
            supervisor.client.close()
        self._client.close()
        await end(self._process)


async def end(process: subprocess.Popen[bytes]) -> None:
    """Wait until a host has ended that knows it should. Exit handlers of its flow's import have their time, no more."""
    clock = asyncio.get_running_loop().time
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            process.send_signal(number)
        deadline = clock() + END_GRACE
        while clock() < deadline:
            if process.poll() is not None:
                return
            await asyncio.sleep(0.02)
