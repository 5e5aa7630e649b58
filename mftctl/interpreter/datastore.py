"""A run's logs and artifacts, read by a process of the flow's interpreter: metaflow never comes into this one."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
from typing import Any, Self

from ..model.codec import to_plain
from ..model.errors import MftctlError
from ..model.manifest import Launch
from . import process as interpreter
from .inside.environment import package_folder

#: Tasks whose logs are asked for in one request.
BATCH = 100
#: Bytes that an answer has at most: logs of so many tasks come as one line.
LONGEST = 2**31
#: Artifacts up to this many bytes are loaded to be shown.
LARGEST = 1024 * 1024


class Datastore:
    """The datastore of one run: an async context manager, which holds the process that reads.

    ``python`` is used where the interpreter that the flow was deployed with is not on this machine.
    """

    def __init__(self, launch: Launch, run_id: str, python: str, cache: str) -> None:
        self._launch = launch
        self._run_id = run_id
        self._python = launch.python if shutil.which(launch.python) else python
        self._folder = package_folder(cache, launch.package)

    async def __aenter__(self) -> Self:
        """Start it; MftctlError when the datastore cannot be read from here."""
        channel = self._start()
        self._reader, self._writer = await asyncio.open_unix_connection(sock=channel, limit=LONGEST)
        try:
            about = {"launch": to_plain(self._launch), "run_id": self._run_id, "folder": self._folder}
            await self._ask(about)
        except BaseException as error:
            await self.__aexit__(type(error))
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End it: at once where it was left, since a store that does not answer can hold it for minutes."""
        self._writer.close()
        if kind is not None:
            interpreter.end(self._process)
        await asyncio.to_thread(_ended, self._process)

    async def logs(
        self, tasks: list[tuple[str, str, int | None, bool]], streams: list[str]
    ) -> list[list[tuple[float, str, str]]]:
        """Lines (Unix time, stream, text) that are new since the last call, of attempts at tasks.

        A task: step, task id, attempt (None for the last one), and whether it is over.
        """
        found: list[list[tuple[float, str, str]]] = []
        for low in range(0, len(tasks), BATCH):
            part = await self._ask({"logs": tasks[low : low + BATCH], "streams": streams})
            found += [[(at, stream, text) for at, stream, text in lines] for lines in part["answer"]]
        return found

    async def artifacts(self, step: str, task: str) -> list[dict[str, Any]] | None:
        """Name, type, size and value of a task's artifacts; None when it has left none."""
        answer = await self._ask({"artifacts": [step, task], "largest": LARGEST})
        found: list[dict[str, Any]] | None = answer["answer"]
        return found

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs, open(os.devnull, "wb") as nowhere:
            self._process = interpreter.start(
                self._python, "read", theirs, self._launch.env, apart=True, output=nowhere.fileno()
            )
        return ours

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._writer.write(json.dumps(request).encode() + b"\n")
            await self._writer.drain()
            answer = await self._reader.readline()
        except OSError:
            answer = b""
        told: dict[str, Any] = json.loads(answer or b'{"problem": "the process that reads it has ended"}')
        if "problem" in told:
            launch = self._launch
            raise MftctlError(
                f"the {launch.datastore} datastore at {launch.datastore_root} cannot be read: "
                f"{' '.join(told['problem'].split())}",
                code="datastore",
                hint="run this where the run's datastore can be reached",
            )
        return told


def _ended(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
