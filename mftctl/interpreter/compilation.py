"""Compile a flow: a process of the flow's interpreter loads it and answers with its Manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ..model.codec import from_plain, to_plain
from ..model.errors import Exit, MftctlError
from ..model.manifest import Manifest
from ..model.options import Options
from ..model.package_contents import Contents
from .client import Client, ProcessEnded, environment

_ENV = {"METAFLOW_RUNTIME_NAME": "temporal"}


async def compile_flow(file: Path | str, options: Options, python: str, cache: Path) -> Manifest:
    """The Manifest of the flow in ``file``, whose code is saved in its datastore; MftctlError when it is invalid."""
    with Compilation(file, options, python, cache) as compiling:
        return await compiling.manifest()


@dataclass(frozen=True)
class PreparedHost:
    """A process that can become a flow's host, and the environment that it was started with."""

    client: Client
    environment: dict[str, str]


class Compilation:
    """A compilation, which begins at once; leaving the context kills one that is not done.

    With ``serves``, its process becomes a host of the flow, for whoever takes it (``take_host``); else it ends.

    ``file`` as the user typed it: the flow sees it in ``sys.argv[0]``, relative to the working folder. Once there is a
    manifest: ``contents`` is what the code package holds, ``refused`` click's message about ``options.given``, and
    ``variables`` the parameters' values that the environment gives.
    """

    def __init__(
        self, file: Path | str, options: Options, python: str, cache: Path, *, serves: bool = False
    ) -> None:
        if not Path(file).is_file():
            raise MftctlError(f"{file}: no such file", exit=Exit.USAGE, code="flow.missing")
        self._python = python
        self.contents = Contents()
        self.refused: str | None = None
        self.variables: dict[str, str] = {}
        self._client, self._host = _start(python, _ENV, serves=serves)
        self._environment = environment(python, _ENV)
        self._done = False
        fields = {"file": str(file), "options": to_plain(options), "cache": str(cache)}
        # Now, not in the event loop: whoever compiles has other things to load meanwhile.
        self._request = self._client.send("compile", fields)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._done:
            self.stop()
        elif self._host is not None:
            self._host.close()

    def stop(self) -> None:
        """Kill it, done or not."""
        self._process.kill()
        self._client.close()

    def take_host(self) -> PreparedHost | None:
        """The process, once there is a manifest: it loads the flow at a request of ``worker/host_pool.py``."""
        taken, self._host = self._host, None
        return None if taken is None else PreparedHost(taken, self._environment)

    @property
    def _process(self) -> Client:
        return self._client if self._host is None else self._host

    async def manifest(self) -> Manifest:
        """Wait for the manifest, and for the end of the process; MftctlError when the flow is invalid."""
        try:
            answer: dict[str, Any] = await self._client.answer(self._request)
        except ProcessEnded:
            raise MftctlError(
                f"cannot compile: the flow's interpreter {self._python} {await self._process.end_reason()}",
                code="python.died",
                hint="name another one with --python",
            ) from None
        self._done = True
        if self._host is None:
            await self._client.wait()
        else:  # the host waits for it before it loads the flow
            self._client.close()
        self.contents = from_plain(Contents, answer["contents"])
        self.refused = answer.get("refused")
        self.variables = answer.get("variables", {})
        return Manifest.from_plain(answer["manifest"])


def _start(python: str, env: dict[str, str], *, serves: bool) -> tuple[Client, Client | None]:
    """The client of a new process that compiles, and that of its host."""
    if not serves:
        return Client.start(python, "compile", env), None
    host, compiler = Client.start_two(python, "run", env)
    return compiler, host
