"""The client of every process of the flow's interpreter: start, send requests, end (``inside/protocol.py``)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ..model.errors import MftctlError
from ..model.manifest import Launch
from .inside import BOOT
from .inside.boot import TOO_OLD

#: Bytes that are read ahead of the request that wants them; then the other end waits.
READ_AHEAD = 256 * 1024
#: Seconds in which a request that was stopped has to be answered, before its process is killed: twice what a task has
#: to end in, also on another machine, and time to save its log.
STOP_LIMIT = 120.0
#: Seconds that a process has to end in once its connection is closed, and again after TERM and after KILL.
END_GRACE = 5.0


def interpreter_of(launch: Launch, otherwise: str) -> str:
    """The interpreter that a flow was deployed with; ``otherwise`` where this machine lacks it."""
    return launch.python if shutil.which(launch.python) else otherwise


def environment(python: str, env: Mapping[str, str]) -> dict[str, str]:
    """The whole environment that a process of the interpreter is started with, whose folder comes first on PATH.

    Metaflow starts plain `python` (@parallel, @card).
    """
    path = os.pathsep.join([os.path.dirname(python), os.environ.get("PATH", os.defpath)])
    return {**os.environ, **env, "PATH": path}


class ProcessEnded(Exception):
    """The process ended, or was killed, before it replied."""


class Client:
    """Sends requests to one process and waits for their replies.

    The process is either the client's own (``start``), or one that others started and that has the other end of the
    socket (``pass_socket``).
    """

    def __init__(self, sock: socket.socket, process: subprocess.Popen[bytes] | None = None) -> None:
        self._sock = sock
        self._process = process
        self._pid: int | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._line = bytearray()
        self._number = 0
        self._ended = False

    @classmethod
    def start(
        cls,
        python: str,
        mode: str,
        env: Mapping[str, str],
        *,
        cwd: str | None = None,
        output: int | None = None,
    ) -> Client:
        """Start the interpreter ``python`` in a ``mode`` of boot.py, in a session that no signal of a terminal reaches.

        It prints to our stderr, or to the file descriptor ``output``. MftctlError when there is no such interpreter.
        """
        (client,) = cls._start(1, python, mode, env, cwd, output)
        return client

    @classmethod
    def start_two(cls, python: str, mode: str, env: Mapping[str, str]) -> tuple[Client, Client]:
        """The same with two sockets: the process's own client, and one of another process that it forks."""
        own, other = cls._start(2, python, mode, env, None, None)
        return own, other

    @classmethod
    def _start(
        cls,
        number: int,
        python: str,
        mode: str,
        env: Mapping[str, str],
        cwd: str | None,
        output: int | None,
    ) -> list[Client]:
        """Start the process; a client for each of a ``number`` of sockets, the first of which owns the process."""
        pairs = [socket.socketpair() for _ in range(number)]
        given = [theirs.fileno() for _, theirs in pairs]
        try:
            process = _start(python, mode, environment(python, env), given, cwd, output)
        except BaseException:
            for ours, _ in pairs:
                ours.close()
            raise
        finally:
            for _, theirs in pairs:
                theirs.close()
        return [cls(ours, None if index else process) for index, (ours, _) in enumerate(pairs)]

    @property
    def usable(self) -> bool:
        """Whether the process can still answer requests."""
        return not self._ended and not (self._reader is not None and self._reader.at_eof())

    @property
    def pid(self) -> int:
        """The process id of the client's own process."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the client's own process runs."""
        return self._process is not None and self._process.poll() is None

    async def connect(self) -> None:
        """Watch the connection in this event loop; without it, the first request does so."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(sock=self._sock, limit=READ_AHEAD)

    async def request(
        self,
        kind: str,
        fields: Mapping[str, Any],
        *,
        on_event: Callable[[Any], None] | None = None,
        stop: Callable[[], Mapping[str, Any]] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - a part of the protocol
    ) -> Any:
        """Send a request and wait for its answer; see ``send`` and ``answer``."""
        await self.connect()
        return await self.answer(self.send(kind, fields), on_event=on_event, stop=stop, timeout=timeout)

    def send(self, kind: str, fields: Mapping[str, Any]) -> int:
        """Send a request; its number. Before the client is connected, only one that fits into the socket's buffer."""
        self._number += 1
        self._write({"number": self._number, "kind": kind, **fields})
        return self._number

    async def answer(
        self,
        number: int,
        *,
        on_event: Callable[[Any], None] | None = None,
        stop: Callable[[], Mapping[str, Any]] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Any:
        """Wait for the answer to a request. ``on_event`` gets each of its events.

        MftctlError when the reply is an error, ProcessEnded when none can come, TimeoutError after ``timeout`` seconds.
        With ``stop``, a first cancellation only asks the process to stop the request, with the fields that ``stop``
        returns, and the reply counts, whatever it is; after STOP_LIMIT seconds without one the process is killed. A
        second cancellation is raised.
        """
        await self.connect()
        async with asyncio.timeout(timeout) as limit:
            while True:
                try:
                    message = await self._receive()
                except asyncio.CancelledError:
                    if stop is None:
                        if timeout is None and limit.expired():
                            self.kill()
                            raise ProcessEnded from None
                        raise
                    self._write({"kind": "stop", "of": number, **stop()})
                    stop = timeout = None
                    limit.reschedule(asyncio.get_running_loop().time() + STOP_LIMIT)
                    continue
                self._pid = message.get("pid", self._pid)
                if "pid" in message or message.get("number", number) != number:
                    continue
                if "error" in message:
                    self._ended = "number" not in message
                    raise MftctlError.from_plain(message["error"])
                if "answer" in message:
                    return message["answer"]
                if on_event is not None:
                    on_event(message["event"])

    def pass_socket(self, other: socket.socket, what: bytes) -> None:
        """Give the process a socket, and one byte that says what it is for; OSError when it is gone."""
        socket.send_fds(self._sock, [what], [other.fileno()])

    def close(self) -> None:
        """Close the connection: the process stops what it runs for it, and ends."""
        self._ended = True
        if self._writer is None:
            self._sock.close()
        else:
            self._writer.close()

    def kill(self) -> None:
        """Kill the process now; its own one with all that it has started."""
        with suppress(
            ProcessLookupError, PermissionError
        ):  # it has ended (macOS: PermissionError for zombies)
            if self.alive and self._process is not None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            elif self._pid is not None and self.usable:
                os.kill(self._pid, signal.SIGKILL)
        self.close()

    async def wait(self) -> int:
        """Close the connection and wait for the end of the client's own process; its exit code."""
        assert self._process is not None
        self.close()
        return await asyncio.to_thread(self._process.wait)

    async def end_reason(self) -> str:
        """End the client's own process, whose connection is closed, and say how it ended: ``ended with code 1``."""
        await self.end()
        assert self._process is not None
        code = self._process.poll()
        return (
            "is older than Python 3.9, the oldest that mftctl supports"
            if code == TOO_OLD
            else f"ended with code {code}"
        )

    async def end(self) -> None:
        """Close the connection and end the client's own process, whose exit handlers have END_GRACE seconds to run."""
        assert self._process is not None
        self.close()
        clock = asyncio.get_running_loop().time
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None:
                self._process.send_signal(number)
            deadline = clock() + END_GRACE
            while clock() < deadline:
                if not self.alive:
                    return
                await asyncio.sleep(0.02)

    def _write(self, message: Mapping[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        if self._writer is not None:
            self._writer.write(line)
        else:
            with suppress(OSError):  # it has ended, which the wait for its answer finds
                self._sock.sendall(line)

    async def _receive(self) -> dict[str, Any]:
        """The next message, of any length. A cancellation loses no part of it."""
        assert self._reader is not None
        while not self._line.endswith(b"\n"):
            try:
                self._line += await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as part:
                # These bytes are there already, so this does not wait.
                self._line += await self._reader.readexactly(part.consumed)
            except (asyncio.IncompleteReadError, OSError):
                self._ended = True
                raise ProcessEnded from None
        line, self._line = self._line, bytearray()
        message: dict[str, Any] = json.loads(line)
        return message


def _start(
    python: str, mode: str, env: Mapping[str, str], sockets: list[int], cwd: str | None, output: int | None
) -> subprocess.Popen[bytes]:
    target = sys.stderr.fileno() if output is None else output
    try:
        return subprocess.Popen(
            [python, "-u", BOOT, mode, ",".join(map(str, sockets))],
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=target,
            stderr=target,
            pass_fds=sockets,
            start_new_session=True,
        )
    except OSError as error:
        if cwd is not None and not os.path.isdir(cwd):
            raise MftctlError(f"the run's folder does not exist: {cwd}", code="folder.missing") from error
        raise MftctlError(
            f"the flow's interpreter {python} does not start: {error.strerror}",
            code="python.missing",
            hint="name another with --python, or install it on this machine",
        ) from error
