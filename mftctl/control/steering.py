"""What can be done to a run: resume, pause, unpause, cancel, terminate."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from temporalio.client import Client

from .. import ids
from ..compiler.includefile import upload
from ..engine.inputs import RunInput
from ..errors import Exit, MftctlError
from . import deployments, parameters, runs
from .found import Found, describe, handle_of

OVER = ("completed", "failed", "cancelled", "terminated", "timed_out")


async def resume(
    client: Client,
    run_id: str,
    *,
    step: str | None = None,
    latest_code: bool = False,
    new_run: bool = False,
    given: Mapping[str, str] | None = None,
    force: bool = False,
) -> str:
    """Let a run that ended badly go on: tasks that finished keep their results, the others run again.

    From ``step`` on everything runs again. ``latest_code``: with the deployment's current version, not the one it
    started with. ``new_run``: as a new run that begins with the old one's results (Metaflow's own `resume`), which a
    run that went well can be made from too; ``given`` are values of parameters that differ there. Gives the run id.
    ``force``: also where the results of finished tasks were undone by compensations.
    Exit code 4 for an unknown run, 6 for one that still goes on or went well, 2 for an unknown step or a wrong value.
    """
    found = await describe(client, run_id)
    _refuse(found, new_run)
    if found.compensations and not force:
        raise _undone(found)
    before = await given_to(client, found)
    manifest = await deployments.find(client, before.manifest.deployment) if latest_code else before.manifest
    if step is not None and step not in manifest.graph:
        raise MftctlError(
            f"{manifest.flow} has no step '{step}'",
            exit=Exit.USAGE,
            code="step.unknown",
            hint=f"its steps: {', '.join(manifest.graph)}",
        )
    fresh = replace(
        before,
        manifest=manifest,
        state=None,
        undo=None,
        paused=False,
        deadline=None,
        started=None,
        rerun=(step,) if step else (),
    )
    if not new_run:
        again = replace(fresh, run_id=found.run_id, generation=before.generation + 1)
        await runs.launch(client, again, found.workflow_id)
        return found.run_id
    made = ids.new_run_id(manifest.flow)
    copy = replace(fresh, run_id=made, generation=0, origin=found.run_id, origin_generation=before.generation)
    if given:
        values = {**before.parameters, **given}
        parameters.check(manifest, values)
        settled = await asyncio.to_thread(parameters.settle, manifest, values, upload)
        copy = replace(copy, parameters=settled)
    await runs.launch(client, copy)
    return made


async def pause(client: Client, run_id: str, paused: bool = True) -> bool:
    """Let a run start no new task, or let it go on; False when it was so already. Exit code 6 for one that is over."""
    found = await _going_on(client, run_id, "paused" if paused else "unpaused")
    if (found.status == "paused") == paused:
        return False
    await handle_of(client, run_id).signal("pause", paused)
    return True


async def unpause(client: Client, run_id: str) -> bool:
    """Let a paused run go on; False when it was not paused."""
    return await pause(client, run_id, paused=False)


async def cancel(client: Client, run_id: str) -> None:
    """Ask a run to stop: its tasks are stopped and waited for. Exit code 6 for one that is over."""
    await _going_on(client, run_id, "cancelled")
    await handle_of(client, run_id).cancel()


async def terminate(client: Client, run_id: str, reason: str = "terminated with mftctl") -> None:
    """End a run at once; its tasks stop when they hear of it. Exit code 6 for one that is over."""
    await _going_on(client, run_id, "terminated")
    await handle_of(client, run_id).terminate(reason=reason)


async def given_to(client: Client, found: Found) -> RunInput:
    """What the run was started with."""
    async for event in handle_of(client, found.run_id).fetch_history_events(page_size=1):
        started = event.workflow_execution_started_event_attributes
        plain = await client.data_converter.decode(started.input.payloads, [dict])
        return RunInput.from_plain(plain[0])
    raise MftctlError(f"the server has no history of run {found.run_id} any more", code="run.forgotten")


async def _going_on(client: Client, run_id: str, what: str) -> Found:
    found = await describe(client, run_id)
    if found.status in OVER:
        raise MftctlError(
            f"run {found.run_id} cannot be {what}: it is {found.status}", exit=Exit.CONFLICT, code="run.over"
        )
    return found


def _refuse(found: Found, new_run: bool) -> None:
    if found.status not in OVER:
        raise MftctlError(
            f"run {found.run_id} still goes on: it is {found.status}",
            exit=Exit.CONFLICT,
            code="run.running",
            hint="cancel it first, or let it go on with: unpause"
            if found.status == "paused"
            else "cancel it first",
        )
    if found.status == "completed" and not new_run:
        raise MftctlError(
            f"run {found.run_id} went well: there is nothing to resume",
            exit=Exit.CONFLICT,
            code="run.completed",
            hint="make a new run that begins with its results: --new-run",
        )


def _undone(found: Found) -> MftctlError:
    count = found.compensations
    return MftctlError(
        f"what run {found.run_id} did was undone by {count} compensation{'' if count == 1 else 's'}, "
        "so tasks that finished cannot be taken for done",
        exit=Exit.CONFLICT,
        code="run.compensated",
        hint="start a new run with mftctl trigger; or resume it all the same with --force",
    )
