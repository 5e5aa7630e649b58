"""A flow run from start to end in this process: compiler, server, worker and watcher at once."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from .. import devserver, ids
from ..compiler.includefile import upload
from ..compiler.options import Options
from ..compiler.run import compile_flow
from ..errors import Exit
from ..manifest import Manifest
from ..profiles import Profile, cache_dir
from .durations import format_seconds
from .leaving import leave
from .options import Connection
from .output import Result, say
from .session import names_server, open_client, quiet_sdk
from .signals import Signals
from .threads import in_thread

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle

    from ..control.runs import Ended
    from .view import View

#: Tasks at once, as `python flow.py run` has them.
MAX_WORKERS = 16
#: How long leaving at once may take to tell the server.
LAST_WORD = 0.5


@dataclass(frozen=True)
class Order:
    """What is to be run, and how."""

    file: Path
    words: dict[str, str]
    options: Options
    python: str
    isolation: str | None
    run_id_file: Path | None
    data_on_stdout: bool


async def run_flow(order: Order, connection: Connection, profile: Profile) -> Result:
    """Run it; the result says how it ended."""
    began = time.monotonic()
    # The longest things first and side by side: the compiler, the server, and the import of temporalio.
    compiling = in_thread(lambda: compile_flow(order.file, order.options, order.python, cache_dir()))
    opening = None if names_server(connection, profile) else devserver.open_server()
    from ..control import parameters
    from .view import choose

    client, lease = await _connect(opening, connection, profile)
    try:
        manifest = await compiling
        parameters.check(manifest, order.words)
        settled = parameters.settle(manifest, order.words, upload)
        view = choose(data_on_stdout=order.data_on_stdout)
        running = _Running(client, manifest, order, profile, view)
        ended = await running.follow(settled)
    finally:
        if lease is not None:
            lease.release()
    return _result(running, ended, order, time.monotonic() - began)


async def _connect(
    opening: devserver.Opening | None, connection: Connection, profile: Profile
) -> tuple[Client, devserver.Lease | None]:
    from ..control.client import Target, connect

    quiet_sdk()
    if opening is None:
        client = await open_client(connection, profile)
        say(f"using the Temporal server at {client.service_client.config.target_host}")
        return client, None
    lease = await asyncio.to_thread(opening.lease)
    say(f"using the embedded Temporal server at {lease.address}, UI at {lease.ui}")
    return await connect(Target(address=lease.address)), lease


class _Running:
    """A run with a worker of its own."""

    def __init__(
        self, client: Client, manifest: Manifest, order: Order, profile: Profile, view: View
    ) -> None:
        self.run_id = ids.new_run_id(manifest.flow)
        self.manifest = replace(
            manifest,
            task_queue=ids.private_queue(self.run_id),
            max_workers=order.options.max_workers or MAX_WORKERS,
        )
        self._client = client
        self._order = order
        self._profile = profile
        self._view = view

    async def follow(self, parameters: dict[str, str]) -> Ended:
        """Serve and start it, and show it until it has ended."""
        from ..control import runs
        from ..worker.service import Service
        from .trigger import write_run_id
        from .worker import worker_settings

        settings = worker_settings(self._profile, self.manifest.max_workers, self._order.isolation)
        service = Service(self._client, settings, self._view)
        warming = asyncio.create_task(service.warm(self.manifest.launch))
        service.serve(self.manifest.task_queue)
        signals = Signals()
        await runs.start(self._client, self.manifest, parameters, run_id=self.run_id)
        if self._order.run_id_file is not None:
            write_run_id(self._order.run_id_file, self.run_id)
        self._view.begin(tuple(self.manifest.graph), f"{self.manifest.flow}/{self.run_id}")
        handle = self._client.get_workflow_handle(self.run_id)
        try:
            ended = await self._watch(handle, signals)
        finally:
            self._view.end()
        with suppress(Exception):  # the first task has told what was wrong
            await warming
        await service.stop()
        await service.close()
        return replace(ended, status="interrupted") if signals.first.done() and ended.status == "cancelled" else ended

    async def _watch(self, handle: WorkflowHandle[Any, Any], signals: Signals) -> Ended:
        from ..control import runs

        ending = asyncio.create_task(runs.outcome(handle))
        looking = asyncio.create_task(self._look(handle)) if self._view.wants_progress else None
        await asyncio.wait([ending, signals.first], return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            say("cancelling the run; once more to leave at once")
            await handle.cancel()
            await asyncio.wait([ending, signals.second], return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            await self._leave_at_once(handle)
        if looking is not None:
            looking.cancel()
        return ending.result()

    async def _look(self, handle: WorkflowHandle[Any, Any]) -> None:
        from ..control import runs

        while True:
            counts = await runs.progress(handle)
            if counts is not None:
                self._view.progress(counts)
            await asyncio.sleep(runs.POLL)

    async def _leave_at_once(self, handle: WorkflowHandle[Any, Any]) -> NoReturn:
        """Tasks end when their connection to this process does."""
        self._view.end()
        with suppress(Exception):
            async with asyncio.timeout(LAST_WORD):
                await handle.terminate("interrupted twice")
        leave(Exit.INTERRUPTED)


def _result(running: _Running, ended: Ended, order: Order, seconds: float) -> Result:
    from ..control import runs

    manifest, run_id = running.manifest, running.run_id
    data = {"run_id": run_id, "flow": manifest.flow, "version": manifest.version, **ended.to_plain()}
    if ended.status == "completed":
        return Result(data, f"Done: run {run_id} completed in {format_seconds(seconds)}", run_id)
    if ended.status == "interrupted":
        say(f"run {run_id} was cancelled")
        return Result(data, "", run_id, exit=Exit.INTERRUPTED)
    hint = f"once mended, go on from there: python {order.file} resume --origin-run-id {run_id}"
    return Result(data, "", run_id, error=runs.failure(run_id, ended, hint))
