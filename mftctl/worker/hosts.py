"""Flow hosts of a worker: one warm process per code package and way of running, started when first needed."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..codec import to_plain
from ..errors import MftctlError
from ..flowhost import interpreter
from ..flowhost.environment import package_folder, variables
from ..manifest import Launch
from .freshness import MAX_AGE, Freshness

#: Seconds a host may take to import its flow, which may import half the world.
START_TIMEOUT = 600.0
#: Flow hosts kept at once: each holds a flow and all that it imports.
MAX_HOSTS = 16
#: Bytes of a line that a supervisor may send: one that a task printed, or its artifacts' names.
MAX_LINE = 64 * 1024 * 1024


@dataclass(frozen=True)
class _Key:
    sha: str
    python: str
    cwd: str | None
    launch: str


@dataclass(frozen=True)
class Supervisor:
    """A process of a host that runs one attempt at a time, and the connection to it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: Host

    def release(self) -> None:
        """It has given its result and may have the next attempt."""
        self.host.busy -= 1
        self.host.idle.append(self)
        self.host.end_when_drained()

    def close(self) -> None:
        """Let it go, with what it runs."""
        self.host.busy -= 1
        self.writer.close()
        self.host.end_when_drained()


class Host:
    """A running flow host; once it is ``retired`` it finishes what it runs, and gets no more."""

    def __init__(
        self, process: subprocess.Popen[bytes], channel: socket.socket, freshness: Freshness
    ) -> None:
        self._process = process
        self._channel = channel
        self._freshness = freshness
        self._retired = False
        self._ending: asyncio.Task[None] | None = None
        self.idle: list[Supervisor] = []
        self.busy = 0

    @property
    def alive(self) -> bool:
        """Whether its process still runs."""
        return self._process.poll() is None

    @property
    def stale(self) -> bool:
        """Whether what it has imported may be out of date."""
        return self._freshness.over

    def retire(self) -> None:
        """End it as soon as it runs nothing: its tasks may use what its exit handlers clean up."""
        self._retired = True
        self.end_when_drained()

    def end_when_drained(self) -> None:
        """End it if it is retired and runs nothing."""
        if self._retired and self.busy == 0 and self._ending is None:
            self._ending = asyncio.create_task(self.close())

    async def supervisor(self) -> Supervisor:
        """One that is free, or a new one; OSError when the host is gone."""
        self.busy += 1
        while self.idle:
            found = self.idle.pop()
            if not found.reader.at_eof():
                return found
            found.writer.close()
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._channel, [b"."], [theirs.fileno()])
        reader, writer = await asyncio.open_connection(sock=ours, limit=MAX_LINE)
        return Supervisor(reader, writer, self)

    async def close(self) -> None:
        """Let it go: it ends when its channel closes, its supervisors when they have done what they run."""
        for supervisor in self.idle:
            supervisor.writer.close()
        self._channel.close()
        await asyncio.to_thread(self._process.wait)


class Hosts:
    """Gives each attempt a supervisor in the right host.

    ``isolation`` is ``fork``, or ``spawn`` for a new process a task; ``python`` the interpreter of flows whose
    deployer's is not on this machine; ``say`` is told, once a flow, why its tasks are not forked. ``source`` is the
    user's own file, as `run` was given it: its tasks run in place, and not from the code package. A host is used for
    ``max_age`` seconds, and no longer than the files last that it has imported.
    """

    def __init__(
        self,
        cache: Path,
        isolation: str,
        python: str,
        say: Callable[[str], None],
        source: str | None = None,
        max_age: float = MAX_AGE,
    ) -> None:
        self._cache = cache
        self._isolation = isolation
        self._python = python
        self._say = say
        self._source = source
        self._hosts: dict[tuple[_Key, str], asyncio.Task[Host]] = {}
        self._unforkable: set[_Key] = set()
        self._max_age = max_age
        self._retired: list[Host] = []

    async def supervisor(self, launch: Launch) -> Supervisor:
        """A free supervisor for a task of ``launch``; MftctlError when its flow cannot be loaded here."""
        if not os.access(launch.python, os.X_OK):
            launch = replace(launch, python=self._python)
        key = _key(launch)
        for _ in range(3):
            isolation = "spawn" if key in self._unforkable else self._isolation
            host = await self._host(key, launch, isolation)
            if host is None:
                continue
            try:
                return await host.supervisor()
            except OSError:
                self._hosts.pop((key, isolation), None)
        raise MftctlError(f"the flow host of {launch.flow} ended as soon as it was started", code="host.lost")

    def file(self, launch: Launch) -> str:
        """The flow's file as its tasks execute it here."""
        return self._source or os.path.join(package_folder(str(self._cache), launch.package), launch.file)

    async def warm(self, launch: Launch) -> None:
        """Start the host of ``launch`` and a supervisor before its first task comes."""
        (await self.supervisor(launch)).release()

    async def close(self) -> None:
        """End all hosts."""
        for starting in self._hosts.values():
            if starting.done() and not starting.cancelled() and starting.exception() is None:
                await starting.result().close()
        self._hosts.clear()
        for retired in self._retired:
            await retired.close()

    async def _host(self, key: _Key, launch: Launch, isolation: str) -> Host | None:
        known = self._hosts.get((key, isolation))
        if known is not None and known.done() and (known.exception() is not None or not known.result().alive):
            known = None
        if known is not None and known.done() and known.result().stale:
            self._retire(known.result())
            known = None
        if known is None:
            known = asyncio.create_task(self._start(launch, isolation))
        # The one used last goes last: the first is the one to be let go when there are too many.
        self._hosts.pop((key, isolation), None)
        self._hosts[key, isolation] = known
        await self._let_go()
        try:
            return await asyncio.shield(known)
        except _Unforkable as why:
            if key not in self._unforkable:
                self._unforkable.add(key)
                self._say(f"{launch.flow}: its import leaves {why}; each task gets a new process")
            return None

    def _retire(self, host: Host) -> None:
        self._retired = [earlier for earlier in self._retired if earlier.alive]
        self._retired.append(host)
        host.retire()

    async def _let_go(self) -> None:
        """Close the hosts that have not been used for longest, where they run nothing."""
        for key, oldest in list(self._hosts.items())[: max(0, len(self._hosts) - MAX_HOSTS)]:
            failed = oldest.done() and oldest.exception() is not None
            if failed or (oldest.done() and oldest.result().busy == 0):
                del self._hosts[key]
                if not failed:
                    await oldest.result().close()

    async def _start(self, launch: Launch, isolation: str) -> Host:
        folder = package_folder(str(self._cache), launch.package)
        if self._source is None:
            launch = _without_lost_folder(launch)
        ours, theirs = socket.socketpair()
        with theirs:
            env = variables(launch, folder, in_place=self._source is not None)
            process = interpreter.start(launch.python, "host", theirs, env, cwd=launch.cwd, apart=True)
        try:
            config = {
                "launch": to_plain(launch),
                "folder": folder,
                "isolation": isolation,
                "file": self._source,
            }
            answer = await asyncio.to_thread(_ask, ours, config)
        except BaseException:
            ours.close()
            process.kill()
            process.wait()
            raise
        if answer.get("ready"):
            return Host(process, ours, Freshness(answer["files"], self._max_age))
        ours.close()
        await asyncio.to_thread(process.wait)
        if "hazards" in answer:
            raise _Unforkable(" and ".join(answer["hazards"]))
        raise MftctlError(
            f"{launch.flow} cannot be loaded: {answer.get('error', 'no answer')}", code="flow.import"
        )


def _without_lost_folder(launch: Launch) -> Launch:
    """A run that `run` began elsewhere, or in a folder that is gone, is resumed as one of a deployment."""
    lost = launch.cwd is not None and not os.path.isdir(launch.cwd)
    return replace(launch, cwd=None) if lost else launch


class _Unforkable(Exception):
    """The flow's import left something behind that a fork would not carry over."""


def _ask(channel: socket.socket, config: object) -> dict[str, Any]:
    channel.settimeout(START_TIMEOUT)
    channel.sendall(json.dumps(config).encode() + b"\n")
    answer = b""
    while not answer.endswith(b"\n"):
        try:
            data = channel.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            return {"error": "the flow's interpreter ended while it was loading the flow"}
        answer += data
    channel.settimeout(None)
    loaded: dict[str, Any] = json.loads(answer)
    return loaded


def _key(launch: Launch) -> _Key:
    rest = json.dumps(to_plain(launch) | {"tags": []}, sort_keys=True)
    return _Key(launch.package.sha, launch.python, launch.cwd, rest)
