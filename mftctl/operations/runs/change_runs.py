"""`mftctl runs resume`, `pause`, `unpause`, `cancel` and `terminate`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from temporalio.client import Client
from temporalio.service import RPCError

from ...console.confirm import objected
from ...console.output import Result, say
from ...console.process import in_thread
from ...control.connection.connect import server_error
from ...control.runs import actions, outcome
from ...control.runs.lookup import describe, run_input, workflow_handle
from ...model.errors import Exit, MftctlError, UsageError
from ...results.run_results import ChangeError, DeploymentRun, RunState, StoppedRun
from ..command_options import Connection
from ..missing_workers import look_for_workers
from ..open_client import open_client
from ..run_id_file import announce
from ..selection import find_run
from .follow_run import follow_to_end
from .run_status import deployment_run, outcome_result

#: The note of a change that no worker has confirmed.
PENDING = "accepted; takes effect when a worker is available"


@dataclass(frozen=True)
class Resume:
    """Options of `runs resume`, as ``actions.resume`` takes them; ``limit``: seconds to wait, None without limit."""

    step: str | None
    latest_code: bool
    new_run: bool
    workflow_timeout: float | None
    force: bool
    wait: bool
    limit: float | None


async def resume_run(
    name: str, deployment: str | None, token: str | None, how: Resume, connection: Connection
) -> Result[DeploymentRun]:
    """Resume the run; a new run (``how.new_run``) leaves the old one as it is and needs no authorization."""
    client = await open_client(connection, connection.settings())
    run_id = await _run_id(client, name, deployment, token, anybody=how.new_run)
    resumed = await actions.resume(
        client,
        run_id,
        step=how.step,
        latest_code=how.latest_code,
        new_run=how.new_run,
        workflow_timeout=how.workflow_timeout,
        force=how.force,
        # Known also if the answer to the start is lost: a repeated command would start a second run.
        on_start=lambda started: announce(started, None) if how.new_run else None,
    )
    manifest = (await run_input(client, await describe(client, resumed))).manifest
    if how.wait:
        return outcome_result(manifest, resumed, await follow_to_end(client, resumed, how.limit))
    served = await look_for_workers(client, manifest)
    data = deployment_run(manifest, resumed, "running", worker=served.worker)
    return Result(data, resumed, resumed, served.warnings)


async def pause_run(
    name: str, deployment: str | None, token: str | None, connection: Connection, *, paused: bool
) -> Result[RunState]:
    """Pause the run, so that it starts no new tasks, or let it continue."""
    client = await open_client(connection, connection.settings())
    run_id = await _run_id(client, name, deployment, token)
    changed = await actions.pause(client, run_id, paused)
    unchanged = f"run {run_id} was {'already' if paused else 'not'} paused"
    notes = () if changed else (PENDING if changed is None else unchanged,)
    state = RunState(run_id=run_id, status="paused" if paused else "running")
    return Result(state, f"{run_id}\t{state.status}", run_id, notes)


async def cancel_runs(
    names: tuple[str, ...], deployment: str | None, token: str | None, wait: bool, connection: Connection
) -> Result[StoppedRun | list[StoppedRun]]:
    """Cancel each run; ``wait`` until its tasks have stopped."""

    async def cancel(client: Client, run_id: str) -> Result[StoppedRun]:
        await actions.cancel(client, run_id)
        if not wait:
            return _stopped(run_id, "cancelling")
        manifest = (await run_input(client, await describe(client, run_id))).manifest
        for warning in (await look_for_workers(client, manifest)).warnings:
            say(f"{warning}; --no-wait does not wait for the run's end")
        handle = workflow_handle(client, run_id)
        return _stopped(
            run_id, (await outcome.wait_for_outcome(handle, partial(say, level="warning"))).status
        )

    return await _each(names, deployment, token, connection, cancel)


async def terminate_runs(
    names: tuple[str, ...],
    deployment: str | None,
    token: str | None,
    reason: str,
    yes: bool,
    connection: Connection,
) -> Result[StoppedRun | list[StoppedRun]]:
    """Terminate each run, unless somebody at the terminal says no."""
    asking = asyncio.Lock()

    async def terminate(client: Client, run_id: str) -> Result[StoppedRun]:
        question = f"Terminate {run_id}? Its compensations will not run."
        async with asking:  # one question at a time
            no = not yes and await in_thread(lambda: objected(question))
        if no:
            return _stopped(run_id, "running", f"run {run_id} was not terminated", exit=Exit.FAILED)
        await actions.terminate(client, run_id, reason)
        return _stopped(run_id, "terminated")

    return await _each(names, deployment, token, connection, terminate)


async def _each(
    names: tuple[str, ...],
    deployment: str | None,
    token: str | None,
    connection: Connection,
    change: Callable[[Client, str], Awaitable[Result[StoppedRun]]],
) -> Result[StoppedRun | list[StoppedRun]]:
    """Change each run. If one of several cannot be changed, the others still are, and its row has the error."""
    if not names:
        raise UsageError("no run given", hint="list runs with: mftctl runs list")
    client = await open_client(connection, connection.settings())

    async def one(name: str) -> Result[StoppedRun]:
        try:
            return await change(client, await _run_id(client, name, deployment, token))
        except (MftctlError, RPCError) as caught:
            error = caught if isinstance(caught, MftctlError) else server_error(caught)
            if len(names) == 1 or error is None:
                raise
            failed = StoppedRun(run_id=name, error=ChangeError(code=error.code, message=error.message))
            return Result(failed, f"{name}\t{error.message}", exit=error.exit)

    results = await asyncio.gather(*map(one, names))
    if len(results) == 1:
        return cast("Result[StoppedRun | list[StoppedRun]]", results[0])
    return Result(
        [result.data for result in results if result.data is not None],
        "\n".join(result.text for result in results),
        [str(result.name) for result in results if result.name],
        tuple(note for result in results for note in result.notes),
        exit=next((result.exit for result in results if result.exit), Exit.OK),
    )


async def _run_id(
    client: Client, name: str, deployment: str | None, token: str | None, anybody: bool = False
) -> str:
    """The id of the run that ``name`` means; exit code 6 for a user who may not change it, unless ``anybody`` may."""
    run = await find_run(client, name, deployment)
    if not anybody:
        await actions.authorize(client, run, token)
    return run.run_id


def _stopped(run_id: str, status: Any, note: str | None = None, exit: Exit = Exit.OK) -> Result[StoppedRun]:
    notes = () if note is None else (note,)
    return Result(StoppedRun(run_id=run_id, status=status), f"{run_id}\t{status}", run_id, notes, exit=exit)
