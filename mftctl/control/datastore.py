"""A run's logs and artifacts, read by a process of the flow's interpreter: metaflow never comes into this one."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
from typing import Any, Self

from ..codec import to_plain
from ..errors import MftctlError
from ..flowhost import interpreter
from ..flowhost.environment import package_folder
from ..manifest import Launch

#: Tasks whose logs are asked for in one request.
BATCH = 100
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
        self._start()
        try:
            about = {"launch": to_plain(self._launch), "run_id": self._run_id, "folder": self._folder}
            await self._ask(about)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        self._file.close()
        self._channel.close()
        await asyncio.to_thread(_ended, self._process)

    async def logs(
        self, tasks: list[tuple[str, str, int | None]], streams: list[str]
    ) -> list[list[tuple[float, str, str]]]:
        """Lines (Unix time, stream, text) of attempts at tasks (step, task id, attempt; None for the last one)."""
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

    def _start(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs, open(os.devnull, "wb") as nowhere:
            self._process = interpreter.start(
                self._python, "read", theirs, self._launch.env, apart=True, output=nowhere.fileno()
            )
        self._file = self._channel.makefile("rwb")

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        def ask() -> bytes:
            self._file.write(json.dumps(request).encode() + b"\n")
            self._file.flush()
            return self._file.readline()

        try:
            answer = await asyncio.to_thread(ask)
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
