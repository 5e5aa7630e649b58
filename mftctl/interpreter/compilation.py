"""Compile a flow: run `inside.py` in the flow's interpreter and take its answer."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any, Self

from ..model.codec import from_plain, to_plain
from ..model.errors import Exit, MftctlError
from ..model.manifest import Manifest
from ..model.options import Options
from . import process
from .inside.compile.contents import Contents


async def compile_flow(file: Path | str, options: Options, python: str, cache: Path) -> Manifest:
    """The Manifest of the flow in ``file``, its code saved in its datastore. MftctlError says what is wrong with it."""
    with Compilation(file, options, python, cache) as compiling:
        return await compiling.manifest()


class Compilation:
    """The flow's interpreter at work, from now on; left early, it is ended.

    ``file`` as the user typed it: the flow sees it in ``sys.argv[0]``, relative to the working folder. ``contents`` is
    what its code package holds, ``refused`` what click says of ``options.given``, and ``variables`` the values that the
    environment gives, once there is a manifest.
    Ctrl-C is ours alone: what the flow's module does when it is interrupted is of no use to anybody.
    """

    def __init__(self, file: Path | str, options: Options, python: str, cache: Path) -> None:
        if not Path(file).is_file():
            raise MftctlError(f"{file}: no such file", exit=Exit.USAGE, code="flow.missing")
        self._python = python
        self.contents = Contents()
        self.refused: str | None = None
        self.variables: dict[str, str] = {}
        self._channel, theirs = socket.socketpair()
        with theirs:
            env = {"METAFLOW_RUNTIME_NAME": "temporal"}
            self._process = process.start(python, "compile", theirs, env, apart=True)
        request = {"file": str(file), "options": to_plain(options), "cache": str(cache)}
        self._channel.sendall(json.dumps(request).encode() + b"\n")
        self._channel.setblocking(False)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End what is not done."""
        self.stop()

    def stop(self) -> None:
        """End it now, done or not."""
        process.end(self._process)
        self._channel.close()

    async def manifest(self) -> Manifest:
        """Its answer; MftctlError says what is wrong with the flow."""
        answer = b""
        while part := await asyncio.get_running_loop().sock_recv(self._channel, 65536):
            answer += part
        code = await asyncio.to_thread(self._process.wait)
        if not answer:
            raise MftctlError(
                f"the flow's interpreter {self._python} ended with code {code} while compiling",
                code="python.died",
            )
        told: dict[str, Any] = json.loads(answer)
        if "error" in told:
            raise MftctlError(
                told["error"],
                exit=Exit(told["exit"]),
                code=told["code"],
                hint=told["hint"],
                log=tuple(told["log"]),
            )
        self.contents = from_plain(Contents, told["contents"])
        self.refused = told.get("refused")
        self.variables = told.get("variables", {})
        return Manifest.from_plain(told["manifest"])
