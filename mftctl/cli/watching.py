"""A run with a worker of its own in this process, watched to its end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from temporalio.client import Client, WorkflowHandle

from ..control.runs import outcome, start
from ..interpreter.compilation import Compilation
from ..local.devserver import Lease
from ..model import ids
from ..model.errors import Exit
from ..model.graph import in_order
from ..model.manifest import Manifest
from ..profiles import Profile
from ..worker.service import Service
from . import runidfile
from .hints import after
from .leaving import leave
from .order import Order
from .output import Result, say
from .process import Signals, collect_garbage, first_of, interrupted_by
from .session import export_to_tasks
from .text import format_duration
from .view import choose
from .worker import worker_settings

#: Tasks at once, as `python flow.py run` has them.
MAX_WORKERS = 16
#: How long leaving at once may take to tell the server.
LAST_WORD = 0.5


class Watching:
    """Serves one run and shows it. Made while the flow is still being compiled, so that the worker is there in time."""

    def __init__(self, client: Client, order: Order, profile: Profile, lease: Lease | None) -> None:
        self._lease = lease
        collect_garbage()
        export_to_tasks(client, profile)
        self._client = client
        self._order = order
        self._max_workers = order.options.max_workers or MAX_WORKERS
        self._view = choose(order.format)
        settings = worker_settings(profile, self._max_workers, order.isolation, order.host_max_age)
        self._service = Service(client, replace(settings, source=order.file), self._view)
        self._signals = Signals()

    async def compiled(self, compiling: Compilation) -> Manifest:
        """Wait for the compiler, unless Ctrl-C comes first."""
        answer = asyncio.ensure_future(compiling.manifest())
        await first_of(answer, self._signals.first)
        if self._signals.first.done():
            compiling.stop()
            leave(self._interrupted())
        return answer.result()

    async def follow(self, manifest: Manifest, parameters: dict[str, str]) -> Result:
        """Serve and start the run, and show it until it has ended."""
        run_id = ids.new_run_id(manifest.flow)
        queue = ids.private_queue(run_id)
        mine = replace(manifest, task_queue=queue, max_workers=self._max_workers)
        if not self._order.durable_retries:
            mine = mine.retried_at_once()
        run = _Run(mine, run_id, self._client.get_workflow_handle(run_id))
        self._service.serve(queue)
        await start.start_private_run(self._client, mine, parameters, run_id, lambda: self._told(run_id))
        self._view.begin(in_order(mine), f"{mine.flow}/{run_id}")
        try:
            ended = await self._watch(run)
        finally:
            self._view.end()
        if self._lease is not None:
            self._lease.unregister_run()
        await self._service.stop()
        await self._service.close()
        return self._result(run, ended)

    def _told(self, run_id: str) -> None:
        """Note the run before it starts: in the file that was asked for, and with whoever ends it if we are killed."""
        runidfile.write(self._order.run_id_file, run_id)
        if self._lease is not None:
            self._lease.register_run(run_id, self._client.namespace)

    async def warm(self, manifest: Manifest) -> None:
        """Load the flow before its first task comes; what is wrong with it, that task will tell."""
        with suppress(Exception):
            await self._service.warm(manifest.launch)

    async def _watch(self, run: _Run) -> outcome.RunOutcome:
        ending = asyncio.create_task(outcome.wait_for_outcome(run.handle))
        looking = asyncio.create_task(self._look(run)) if self._view.wants_progress else None
        await first_of(ending, self._signals.first)
        if not ending.done():
            say("cancelling the run; once more to leave at once")
            await run.handle.cancel()
            await first_of(ending, self._signals.second)
        if not ending.done():
            await self._leave_at_once(run)
        if looking is not None:
            looking.cancel()
        return ending.result()

    async def _look(self, run: _Run) -> None:
        while True:
            counts = await outcome.progress(run.handle)
            if counts is not None:
                self._view.progress(counts)
            await asyncio.sleep(outcome.POLL)

    async def _leave_at_once(self, run: _Run) -> NoReturn:
        """Tasks end when their connection to this process does."""
        self._view.end()
        with suppress(Exception):
            async with asyncio.timeout(LAST_WORD):
                await run.handle.terminate("interrupted twice")
        leave(self._interrupted())

    def _interrupted(self) -> Exit:
        return interrupted_by(self._signals.first.result())

    def _result(self, run: _Run, ended: outcome.RunOutcome) -> Result:
        manifest, seconds = run.manifest, asyncio.get_running_loop().time() - self._order.began
        data = {"run_id": run.id, "flow": manifest.flow, "version": manifest.version, **ended.to_plain()}
        if ended.status == "completed":
            return Result(data, f"Done: run {run.id} completed in {format_duration(seconds)}", run.id)
        if ended.status == "cancelled" and self._signals.first.done():
            say(f"run {run.id} was cancelled")
            return Result(data, "", run.id, exit=self._interrupted())
        hint = after(manifest, run.id, ended, str(self._order.file))
        return Result(data, "", run.id, error=outcome.run_failed(run.id, ended, hint), log=ended.log)


@dataclass(frozen=True)
class _Run:
    manifest: Manifest
    id: str
    handle: WorkflowHandle[Any, Any]
