"""A run with a worker of its own in this process, from its start to its end."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NoReturn, cast

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from ...console.output import Format, Result, say
from ...console.process import Signals, collect_garbage, first_of
from ...console.process_exit import leave
from ...console.text import can_draw, format_duration
from ...control import trace_settings
from ...control.connection.connect import may_pass
from ...control.runs import outcome, start
from ...interpreter.compilation import Compilation
from ...local.devserver import Lease
from ...model import ids
from ...model.errors import Exit
from ...model.graph import ordered_steps
from ...model.manifest import Manifest
from ...model.statuses import Status
from ...profiles import Profile
from ...results.run_results import FinishedRun
from ...worker.service import Service
from ..open_client import export_to_tasks
from ..run_id_file import write_run_id
from ..trigger_span import caller, variables_of
from ..worker_options import worker_settings
from .run_request import RunRequest
from .run_status import failure_of, hint_after
from .run_views import JsonView, LineView

#: Tasks at once, as in `python flow.py run`.
MAX_WORKERS = 16
#: Seconds for which a server that is away is waited for: its end would be that of the tasks, which run here.
PATIENCE = 600.0
#: Seconds that the server has to answer when the process exits at once.
TERMINATE_TIMEOUT = 0.5


class LocalRun:
    """Serves and shows one run. Made while the flow is still being compiled, so that the worker is ready in time."""

    def __init__(
        self,
        client: Client,
        request: RunRequest,
        max_workers: int | None,
        profile: Profile,
        lease: Lease | None,
    ) -> None:
        self._lease = lease
        collect_garbage()
        export_to_tasks(client, profile)
        self._client = client
        self._request = request
        self._max_workers = max_workers or MAX_WORKERS
        self._view = _view_of(request.format)
        settings = worker_settings(profile, self._max_workers, request.isolation, request.host_max_age)
        tracer = trace_settings.tracer(self._view.report)
        self._service = Service(client, replace(settings, source=request.file), self._view, tracer=tracer)
        self._signals = Signals()

    async def compiled(self, compiling: Compilation) -> Manifest:
        """Wait for the compiler; a first Ctrl-C stops it and ends the process."""
        answer = asyncio.ensure_future(compiling.manifest())
        await first_of(answer, self._signals.first)
        if self._signals.first.done():
            compiling.stop()
            leave(self._interrupted())
        manifest = answer.result()
        if host := compiling.take_host():
            self._service.prepare(host)
        return manifest

    async def follow(self, manifest: Manifest, parameters: dict[str, str]) -> Result[FinishedRun]:
        """Start, serve and show the run until it has ended."""
        run_id = ids.new_run_id(manifest.flow)
        queue = ids.private_queue(run_id)
        mine = replace(manifest, task_queue=queue, max_workers=self._max_workers).without_step_queues()
        if not self._request.durable_retries:
            mine = mine.without_retry_delay()
        run = _Run(mine, run_id, self._client.get_workflow_handle(run_id))
        self._service.serve(queue)
        await start.start_private_run(
            self._client,
            mine,
            parameters,
            run_id,
            lambda: self._before_start(run_id),
            variables_of(caller()),
        )
        self._view.begin(ordered_steps(mine), f"{mine.flow}/{run_id}")
        try:
            ended = await self._watch(run)
        finally:
            self._view.end()
        if self._lease is not None:
            self._lease.unregister_run()
        await self._service.stop()
        await self._service.close()
        return self._result(run, ended)

    async def warm(self, manifest: Manifest) -> None:
        """Import the flow before its first task comes; if that fails, the task reports why."""
        with suppress(Exception):
            await self._service.warm(manifest.launch)

    def _before_start(self, run_id: str) -> None:
        """Write the id to --run-id-file, and let the guardian end the run if this process is killed."""
        write_run_id(self._request.run_id_file, run_id)
        if self._lease is not None:
            self._lease.register_run(run_id, self._client.namespace)

    async def _watch(self, run: _Run) -> outcome.RunOutcome:
        ending = asyncio.create_task(outcome.wait_for_outcome(run.handle, self._view.report, PATIENCE))
        polling = asyncio.create_task(self._poll_progress(run)) if self._view.wants_progress else None
        await first_of(ending, self._signals.first)
        if not ending.done():
            say("cancelling the run; interrupt again to exit at once")
            cancelling = asyncio.create_task(_cancel(run))
            await first_of(ending, self._signals.second)
            cancelling.cancel()
        if not ending.done():
            await self._exit_at_once(run)
        if polling is not None:
            polling.cancel()
        return ending.result()

    async def _poll_progress(self, run: _Run) -> None:
        while True:
            counts = await outcome.progress(run.handle)
            if counts is not None:
                self._view.progress(counts)
            await asyncio.sleep(outcome.POLL)

    async def _exit_at_once(self, run: _Run) -> NoReturn:
        """Terminate the run and exit; its tasks end when their connection to this process closes."""
        self._view.end()
        with suppress(Exception):
            async with asyncio.timeout(TERMINATE_TIMEOUT):
                await run.handle.terminate("interrupted twice")
        leave(self._interrupted())

    def _interrupted(self) -> Exit:
        return Exit(128 + self._signals.first.result())

    def _result(self, run: _Run, ended: outcome.RunOutcome) -> Result[FinishedRun]:
        manifest, seconds = run.manifest, asyncio.get_running_loop().time() - self._request.began
        data = FinishedRun(
            run_id=run.id,
            flow=manifest.flow,
            version=manifest.version,
            status=cast("Status", ended.status),
            failure=failure_of(ended),
        )
        if ended.status == "completed":
            return Result(data, f"Done: run {run.id} completed in {format_duration(seconds)}", run.id)
        if ended.status == "cancelled" and self._signals.first.done():
            say(f"run {run.id} was cancelled")
            return Result(data, "", run.id, exit=self._interrupted())
        hint = hint_after(manifest, run.id, ended, self._request.file)
        return Result(data, "", run.id, error=outcome.run_failed(run.id, ended, hint), log=ended.log)


async def _cancel(run: _Run) -> None:
    """Ask the server to cancel the run, as soon as it answers."""
    while True:
        try:
            await run.handle.cancel()
        except RPCError as error:
            if may_pass(error):
                await asyncio.sleep(1)
                continue
            say(f"the run cannot be cancelled: {error.message}", "warning")
        return


def _view_of(form: Format) -> LineView:
    """The view for this format, and for this terminal, pipe or file."""
    if form != "text":
        return JsonView()
    if not can_draw(sys.stdout):
        return LineView(sys.stdout)
    # Imports rich's live display, which `run` in a pipe or with JSON does without.
    from .board import BoardView

    return BoardView()


@dataclass(frozen=True)
class _Run:
    manifest: Manifest
    id: str
    handle: WorkflowHandle[Any, Any]
