"""Resume, pause, unpause, cancel and terminate runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ...engine.payloads import RunInput
from ...interpreter.upload import upload
from ...model import ids
from ...model.errors import ConflictError, MftctlError, UsageError
from ...model.manifest import Manifest
from ...model.statuses import CLOSED
from .. import deployments, tokens
from . import outcome, run_parameters, start
from .lookup import describe, run_input, workflow_handle
from .run import Run

#: Seconds between two checks whether a worker has applied a pause.
POLL = 0.05
#: The status of an open run, by whether it is paused.
_STATUS_BY_PAUSED = {False: "running", True: "paused"}


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
    on_start: Callable[[str], None] = lambda _: None,
) -> str:
    """Resume an unsuccessful run: finished tasks keep their results, the others run again. Returns the run id.

    ``step``: this step and all after it run again. ``latest_code``: use the deployment's current version, not the one
    that the run started with. ``new_run``: start a new run with the results of the old one (as Metaflow's `resume`),
    which may also have completed; ``given`` are parameters that differ in it. ``workflow_timeout`` (seconds) replaces
    the deployment's. ``force``: resume even if compensations have undone finished tasks. ``on_start`` is called with
    the run id right before the request to the server. Exit code 4 for an unknown run, 6 for one that is open or
    completed, 2 for an unknown step or a wrong value.
    """
    run = await describe(client, run_id)
    _refuse_status(run, new_run)
    before = await run_input(client, run)
    await _refuse_taken(client, run, before.manifest)
    undone = before.compensated + run.compensations
    if undone and not force:
        raise _compensated(run, undone)
    manifest = before.manifest
    if latest_code:
        manifest = await deployments.get(client, manifest.deployment)
        if manifest.flow != before.manifest.flow:
            raise ConflictError(
                f"{manifest.deployment} is a deployment of {manifest.flow} now: run {run.run_id} is of {run.flow}",
                code="run.mismatch",
                hint="leave out --latest-code",
            )
        _refuse_other_stores(run, before.manifest, manifest)
    _refuse_unserved(run, manifest)
    if workflow_timeout is not None:
        manifest = replace(manifest, workflow_timeout=workflow_timeout)
    if step is not None and step not in manifest.graph:
        raise UsageError(
            f"{manifest.flow} has no step '{step}'",
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
        compensated=undone,
    )
    if new_run:
        copy = _with_rerun(_new_run_from(fresh, run), step)
        if latest_code or given:
            copy = replace(copy, parameters=await _resolved_parameters(before, manifest, given or {}))
        await start.start_run(client, copy, before=lambda: on_start(copy.run_id))
        return copy.run_id
    _refuse_new_parameters(run, before.manifest, manifest)
    again = _with_rerun(replace(fresh, run_id=run.run_id, generation=before.generation + 1), step)
    try:
        if (await describe(client, run_id)).execution_id != run.execution_id:
            raise _still_running(run.run_id, "it was resumed a moment ago")
        await start.start_run(client, again, run.workflow_id, before=lambda: on_start(run.run_id))
    except WorkflowAlreadyStartedError as error:
        raise _still_running(run.run_id, "it was resumed a moment ago") from error
    return run.run_id


async def pause(client: Client, run_id: str, paused: bool = True) -> bool | None:
    """Pause a run, so that it starts no new task, or continue it. Exit code 6 when it has ended.

    False when it was in that state before; None when no worker has applied it yet: the next one does.
    """
    before = await _require_open(client, run_id, "paused" if paused else "unpaused")
    # Send it even when nothing seems to change: an earlier signal may still wait for a worker.
    async with _open(before, "paused" if paused else "unpaused"):
        await workflow_handle(client, run_id).signal("pause", paused)
    deadline = asyncio.get_running_loop().time() + outcome.QUERY_TIMEOUT
    while (await describe(client, run_id)).status == _STATUS_BY_PAUSED[not paused]:
        if asyncio.get_running_loop().time() > deadline:
            return None
        await asyncio.sleep(POLL)
    return before.status != _STATUS_BY_PAUSED[paused]


async def unpause(client: Client, run_id: str) -> bool | None:
    """Continue a paused run; as ``pause``."""
    return await pause(client, run_id, paused=False)


async def cancel(client: Client, run_id: str) -> None:
    """Request the cancellation of a run: it stops its tasks and waits for them. Exit code 6 when it has ended."""
    async with _open(await _require_open(client, run_id, "cancelled"), "cancelled"):
        await workflow_handle(client, run_id).cancel()


async def terminate(client: Client, run_id: str, reason: str = "terminated with mftctl") -> None:
    """End a run at once; its tasks stop with their next heartbeat. Exit code 6 when it has ended."""
    async with _open(await _require_open(client, run_id, "terminated"), "terminated"):
        await workflow_handle(client, run_id).terminate(reason=reason)


async def authorize(client: Client, run: Run, token: str | None) -> None:
    """Refuse (exit code 6) to change a run for a user who did not deploy it and has no production token of it.

    Who deployed last, and the token of now, count; those of the run where its deployment is gone.
    """
    manifest = (await run_input(client, run)).manifest
    if manifest.token is not None:  # of a deployment, and not of `mftctl run`
        now = await deployments.describe(client, manifest.deployment)
        manifest = now.manifest if isinstance(now, deployments.Deployment) else manifest
    tokens.authorize(manifest, tokens.username(), token)


def _new_run_from(before: RunInput, run: Run) -> RunInput:
    """The input of a new run that starts with the results of an old one."""
    return replace(
        before,
        run_id=ids.new_run_id(before.manifest.flow),
        generation=0,
        origin=run.run_id,
        origin_executions=before.generation + 1,
        # Count executions from the first one of the old run.
        since={step: count - before.origin_executions for step, count in before.since.items()},
    )


async def _resolved_parameters(
    before: RunInput, manifest: Manifest, given: Mapping[str, str]
) -> dict[str, str]:
    """Values of the parameters: those given, those of the old run that still exist, and defaults.

    A name may be that of a Python keyword: `learning_rate` for `learning-rate`.
    """
    there = {parameter.name for parameter in manifest.parameters}
    keywords = {name.replace("-", "_"): name for name in there}
    kept = {name: value for name, value in before.parameters.items() if name in there}
    new = {name if name in there else keywords.get(name, name): value for name, value in given.items()}
    # What the old run had was resolved by its own start.
    values = {**run_parameters.from_click(kept), **new}
    run_parameters.validate(manifest, values)
    return await asyncio.to_thread(run_parameters.resolve, manifest, values, upload)


def _with_rerun(given: RunInput, step: str | None) -> RunInput:
    return given if step is None else replace(given, since={**given.since, step: given.execution})


async def _require_open(client: Client, run_id: str, what: str) -> Run:
    run = await describe(client, run_id)
    if run.status in CLOSED:
        raise ConflictError(f"run {run.run_id} cannot be {what}: it is {run.status}", code="run.over")
    return run


@asynccontextmanager
async def _open(run: Run, what: str) -> AsyncIterator[None]:
    """Turn the server's answer that the run has ended meanwhile into the error for that."""
    try:
        yield
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        raise ConflictError(
            f"run {run.run_id} cannot be {what}: it has just ended", code="run.over"
        ) from error


def _still_running(run_id: str, how: str, hint: str = "") -> MftctlError:
    return ConflictError(f"run {run_id} has not ended: {how}", code="run.running", hint=hint)


def _refuse_unserved(run: Run, manifest: Manifest) -> None:
    """Refuse a run of `mftctl run`, whose worker ended with it."""
    if manifest.task_queue == ids.private_queue(run.run_id):
        raise ConflictError(
            f"run {run.run_id} was served by its own `mftctl run`, and no worker would serve it now",
            code="run.private",
            hint=f"continue from it with: python {manifest.launch.file} resume --origin-run-id {run.run_id}",
        )


async def _refuse_taken(client: Client, run: Run, manifest: Manifest) -> None:
    """Refuse a run that ended because the results in the datastore are those of an earlier run of its id."""
    if run.status != "failed":
        return
    handle = client.get_workflow_handle(run.workflow_id, run_id=run.execution_id)
    if (await outcome.wait_for_outcome(handle)).taken:
        raise ConflictError(
            f"run {run.run_id} cannot be resumed: the results in the datastore are those of an earlier run of this id",
            code="run.taken",
            hint=f"start a run with another id: mftctl trigger {manifest.deployment}",
        )


def _refuse_other_stores(run: Run, before: Manifest, manifest: Manifest) -> None:
    """Refuse a version that would not find the results of the run, and run all of it again."""
    for what in ("datastore", "datastore_root", "metadata"):
        was, now = getattr(before.launch, what), getattr(manifest.launch, what)
        if was != now:
            name = what.replace("_", " ")
            raise ConflictError(
                f"run {run.run_id} has its results in the {name} {was}, and version {manifest.version} uses {now}",
                code="run.mismatch",
                hint="leave out --latest-code, or start a new run with: mftctl trigger",
            )


def _refuse_new_parameters(run: Run, before: Manifest, manifest: Manifest) -> None:
    known = {parameter.name for parameter in before.parameters}
    new = sorted(parameter.name for parameter in manifest.parameters if parameter.name not in known)
    if new:
        raise ConflictError(
            f"run {run.run_id} has no value for {', '.join(new)}, new in version {manifest.version}",
            code="parameter.new",
            hint="start a new run with its results: --new-run",
        )


def _refuse_status(run: Run, new_run: bool) -> None:
    if run.status not in CLOSED:
        hint = "cancel it first" + (", or continue it with: unpause" if run.status == "paused" else "")
        raise _still_running(run.run_id, f"it is {run.status}", hint)
    if run.status == "completed" and not new_run:
        raise ConflictError(
            f"run {run.run_id} completed: there is nothing to resume",
            code="run.completed",
            hint="start a new run with its results: --new-run",
        )


def _compensated(run: Run, count: int) -> MftctlError:
    return ConflictError(
        f"run {run.run_id} cannot be resumed: {count} compensation{'' if count == 1 else 's'} "
        "undid what its finished tasks did",
        code="run.compensated",
        hint="start a new run with mftctl trigger; or resume it anyway with --force",
    )
