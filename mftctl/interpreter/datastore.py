"""A run's logs and artifacts, read by a process of the flow's interpreter: metaflow is not imported here."""

from __future__ import annotations

from subprocess import DEVNULL
from typing import Any, Self

from ..model.codec import to_plain
from ..model.errors import MftctlError
from ..model.manifest import Launch
from .client import Client, ProcessEnded, interpreter_of
from .inside.package_cache import package_folder

#: Tasks whose logs one request reads.
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
        self._python = interpreter_of(launch, python)
        self._folder = package_folder(cache, launch.package)

    async def __aenter__(self) -> Self:
        """Open it; MftctlError when the datastore cannot be read from here."""
        self._client = Client.start(self._python, "read", self._launch.env, output=DEVNULL)
        try:
            fields = {"launch": to_plain(self._launch), "run_id": self._run_id, "folder": self._folder}
            await self._request("open", fields)
        except BaseException:
            self._client.kill()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the process; after an error kill it, since a store that does not answer can hold it for minutes."""
        if kind is None:
            await self._client.end()
        else:
            self._client.kill()

    async def logs(
        self, tasks: list[tuple[str, str, int | None, bool]], streams: list[str]
    ) -> list[list[tuple[float, str, str]]]:
        """Lines (Unix time, stream, text) that are new since the last call, of attempts at tasks.

        A task: step, task id, attempt (None for the last one), and whether it is over.
        """
        found: list[list[tuple[float, str, str]]] = []
        for low in range(0, len(tasks), BATCH):
            part = await self._request("logs", {"tasks": tasks[low : low + BATCH], "streams": streams})
            found += [[(at, stream, text) for at, stream, text in lines] for lines in part]
        return found

    async def artifacts(self, step: str, task: str) -> list[dict[str, Any]] | None:
        """Name, type, size and value of a task's artifacts; None when it has left none."""
        fields = {"step": step, "task": task, "largest": LARGEST}
        found: list[dict[str, Any]] | None = await self._request("artifacts", fields)
        return found

    async def _request(self, kind: str, fields: dict[str, Any]) -> Any:
        try:
            return await self._client.request(kind, fields)
        except ProcessEnded:
            problem = f"the process that reads it {await self._client.end_reason()}"
        except MftctlError as error:
            problem = " ".join(error.message.split())
        launch = self._launch
        raise MftctlError(
            f"the {launch.datastore} datastore at {launch.datastore_root} cannot be read: {problem}",
            code="datastore",
            hint="run this where the run's datastore can be reached",
        )
