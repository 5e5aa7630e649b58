"""Compile a flow: a process of the flow's interpreter loads it and answers with its Manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from ..model.codec import from_plain, to_plain
from ..model.errors import Exit, MftctlError
from ..model.manifest import Manifest
from ..model.options import Options
from ..model.package_contents import Contents
from .client import Client, ProcessEnded


async def compile_flow(file: Path | str, options: Options, python: str, cache: Path) -> Manifest:
    """The Manifest of the flow in ``file``, whose code is saved in its datastore; MftctlError when it is invalid."""
    with Compilation(file, options, python, cache) as compiling:
        return await compiling.manifest()


class Compilation:
    """A compilation, which begins at once; leaving the context kills one that is not done.

    ``file`` as the user typed it: the flow sees it in ``sys.argv[0]``, relative to the working folder. Once there is a
    manifest: ``contents`` is what the code package holds, ``refused`` click's message about ``options.given``, and
    ``variables`` the parameters' values that the environment gives.
    """

    def __init__(self, file: Path | str, options: Options, python: str, cache: Path) -> None:
        if not Path(file).is_file():
            raise MftctlError(f"{file}: no such file", exit=Exit.USAGE, code="flow.missing")
        self._python = python
        self.contents = Contents()
        self.refused: str | None = None
        self.variables: dict[str, str] = {}
        self._client = Client.start(python, "compile", {"METAFLOW_RUNTIME_NAME": "temporal"})
        fields = {"file": str(file), "options": to_plain(options), "cache": str(cache)}
        # Now, not in the event loop: whoever compiles has other things to load meanwhile.
        self._request = self._client.send("compile", fields)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill it, done or not."""
        self._client.kill()

    async def manifest(self) -> Manifest:
        """Wait for the manifest, and for the end of the process; MftctlError when the flow is invalid."""
        try:
            answer: dict[str, Any] = await self._client.answer(self._request)
        except ProcessEnded:
            raise MftctlError(
                f"cannot compile: the flow's interpreter {self._python} {await self._client.end_reason()}",
                code="python.died",
                hint="name another one with --python",
            ) from None
        await self._client.wait()
        self.contents = from_plain(Contents, answer["contents"])
        self.refused = answer.get("refused")
        self.variables = answer.get("variables", {})
        return Manifest.from_plain(answer["manifest"])
