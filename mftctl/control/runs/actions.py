"""What can be done to a run: resume, pause, unpause, cancel, terminate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from ...engine.payloads import RunInput
from ...interpreter.inside.compile.include_file import upload
from ...model import ids
from ...model.errors import Exit, MftctlError
from ...model.manifest import Manifest
from .. import deployments
from . import outcome, parameters, start
from .lookup import describe, run_input, workflow_handle
from .run import CLOSED, Run

#: Seconds between looks at whether a worker has taken notice.
POLL = 0.05
#: The status of a run that goes on, by whether it is paused.
STATES = {False: "running", True: "paused"}


async def resume(
    client: Client,
    run_id: str,
    *,
    step: str | None = None,
    latest_code: bool = False,
    new_run: bool = False,
    given: Mapping[str, str] | None = None,
    workflow_timeout: float | None = None,
    force: bool = False,
    told: Callable[[str], None] = lambda _: None,
) -> str:
    """Let a run that ended badly go on: tasks that finished keep their results, the others run again.

    From ``step`` on everything runs again. ``latest_code``: with the deployment's current version, not the one it
    started with. ``new_run``: as a new run that begins with the old one's results (Metaflow's own `resume`), which a
    run that went well can be made from too; ``given`` are values of parameters that differ there. ``workflow_timeout``
    (seconds) takes the place of the deployment's. ``force``: also where the results of finished tasks were undone by
    compensations. ``told`` is called with the run id before the server is asked to start anything. Gives the run id.
    Exit code 4 for an unknown run, 6 for one that still goes on or went well, 2 for an unknown step or a wrong value.
    """
    found = await describe(client, run_id)
    _refuse_status(found, new_run)
    if found.compensations and not force:
        raise _compensated(found)
    before = await run_input(client, found)
    manifest = (
        await deployments.find_manifest(client, before.manifest.deployment)
        if latest_code
        else before.manifest
    )
    _refuse_unserved(found, manifest)
    if workflow_timeout is not None:
        manifest = replace(manifest, workflow_timeout=workflow_timeout)
    if step is not None and step not in manifest.graph:
        raise MftctlError(
            f"{manifest.flow} has no step '{step}'",
            exit=Exit.USAGE,
            code="step.unknown",
            hint=f"its steps: {', '.join(manifest.graph)}",
        )
    fresh = replace(
        before, manifest=manifest, state=None, undo=None, paused=False, deadline=None, started=None
    )
    if new_run:
        copy = _with_rerun(_new_run_from(fresh, found), step)
        if latest_code or given:
            copy = replace(copy, parameters=await _resolved_parameters(before, manifest, given or {}))
        await start.start_run(client, copy, before=lambda: told(copy.run_id))
        return copy.run_id
    _refuse_new_parameters(found, before.manifest, manifest)
    again = _with_rerun(replace(fresh, run_id=found.run_id, generation=before.generation + 1), step)
    try:
        if (await describe(client, run_id)).execution_id != found.execution_id:
            raise _still_running(found.run_id, "it was resumed a moment ago")
        await start.start_run(client, again, found.workflow_id, before=lambda: told(found.run_id))
    except WorkflowAlreadyStartedError as error:
        raise _still_running(found.run_id, "it was resumed a moment ago") from error
    return found.run_id


async def pause(client: Client, run_id: str, paused: bool = True) -> bool | None:
    """Let a run start no new task, or let it go on. Exit code 6 for one that is over.

    False when it was so already, None when no worker has taken notice yet: it will as soon as there is one.
    """
    before, wanted = (
        (await _require_open(client, run_id, "paused" if paused else "unpaused")).status,
        STATES[paused],
    )
    # Also where nothing seems to change: an earlier word may still wait for a worker.
    await workflow_handle(client, run_id).signal("pause", paused)
    deadline = asyncio.get_running_loop().time() + outcome.QUERY_TIMEOUT
    while (await describe(client, run_id)).status == STATES[not paused]:
        if asyncio.get_running_loop().time() > deadline:
            return None
        await asyncio.sleep(POLL)
    return before != wanted


async def unpause(client: Client, run_id: str) -> bool | None:
    """Let a paused run go on; as ``pause``."""
    return await pause(client, run_id, paused=False)


async def cancel(client: Client, run_id: str) -> None:
    """Ask a run to stop: its tasks are stopped and waited for. Exit code 6 for one that is over."""
    await _require_open(client, run_id, "cancelled")
    await workflow_handle(client, run_id).cancel()


async def terminate(client: Client, run_id: str, reason: str = "terminated with mftctl") -> None:
    """End a run at once; its tasks stop when they hear of it. Exit code 6 for one that is over."""
    await _require_open(client, run_id, "terminated")
    await workflow_handle(client, run_id).terminate(reason=reason)


def _new_run_from(before: RunInput, found: Run) -> RunInput:
    """A new run that begins with the results of one."""
    return replace(
        before,
        run_id=ids.new_run_id(before.manifest.flow),
        generation=0,
        origin=found.run_id,
        origin_executions=before.generation + 1,
        # What was to run again is counted from the first execution of the run that is left behind.
        since={step: count - before.origin_executions for step, count in before.since.items()},
    )


async def _resolved_parameters(
    before: RunInput, manifest: Manifest, given: Mapping[str, str]
) -> dict[str, str]:
    """Values of the parameters: those given, those that the run had of those that there still are, and defaults."""
    there = {parameter.name for parameter in manifest.parameters}
    values = {**{name: value for name, value in before.parameters.items() if name in there}, **given}
    parameters.validate(manifest, values)
    return await asyncio.to_thread(parameters.resolve, manifest, values, upload)


def _with_rerun(run: RunInput, step: str | None) -> RunInput:
    return run if step is None else replace(run, since={**run.since, step: run.execution})


async def _require_open(client: Client, run_id: str, what: str) -> Run:
    found = await describe(client, run_id)
    if found.status in CLOSED:
        raise MftctlError(
            f"run {found.run_id} cannot be {what}: it is {found.status}", exit=Exit.CONFLICT, code="run.over"
        )
    return found


def _still_running(run_id: str, how: str, hint: str = "") -> MftctlError:
    return MftctlError(
        f"run {run_id} still goes on: {how}", exit=Exit.CONFLICT, code="run.running", hint=hint
    )


def _refuse_unserved(found: Run, manifest: Manifest) -> None:
    """A run of `mftctl run` had a worker of its own, which has ended with it."""
    if manifest.task_queue == ids.private_queue(found.run_id):
        raise MftctlError(
            f"run {found.run_id} had its worker from `mftctl run`, and none would serve it",
            exit=Exit.CONFLICT,
            code="run.private",
            hint=f"go on from there with: python {manifest.launch.file} resume --origin-run-id {found.run_id}",
        )


def _refuse_new_parameters(found: Run, before: Manifest, manifest: Manifest) -> None:
    known = {parameter.name for parameter in before.parameters}
    new = sorted(parameter.name for parameter in manifest.parameters if parameter.name not in known)
    if new:
        raise MftctlError(
            f"run {found.run_id} has no value of {', '.join(new)}, new in version {manifest.version}",
            exit=Exit.CONFLICT,
            code="parameter.new",
            hint="make a new run that begins with its results: --new-run",
        )


def _refuse_status(found: Run, new_run: bool) -> None:
    if found.status not in CLOSED:
        hint = "cancel it first" + (", or let it go on with: unpause" if found.status == "paused" else "")
        raise _still_running(found.run_id, f"it is {found.status}", hint)
    if found.status == "completed" and not new_run:
        raise MftctlError(
            f"run {found.run_id} went well: there is nothing to resume",
            exit=Exit.CONFLICT,
            code="run.completed",
            hint="make a new run that begins with its results: --new-run",
        )


def _compensated(found: Run) -> MftctlError:
    count = found.compensations
    return MftctlError(
        f"what run {found.run_id} did was undone by {count} compensation{'' if count == 1 else 's'}, "
        "so tasks that finished cannot be taken for done",
        exit=Exit.CONFLICT,
        code="run.compensated",
        hint="start a new run with mftctl trigger; or resume it all the same with --force",
    )
