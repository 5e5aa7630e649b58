"""Commands of `python flow.py temporal …` for deployments; those for runs are in ``flow_runs``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from temporalio.client import Client

from ..console.output import Result, say
from ..control import deployments, resource_schedules
from ..control.runs import start, tags
from ..control.runs.run_parameters import from_click, resolve, validate
from ..control.tokens import username
from ..engine.payloads import RunInput
from ..events import registration
from ..interpreter.upload import upload
from ..model.errors import ConflictError, UsageError
from ..model.ids import task_queue_problem
from ..model.manifest import Manifest
from ..operations.missing_workers import look_for_workers
from ..operations.open_client import open_client
from ..operations.run_id_file import announce
from ..operations.selection import all_deployments
from ..operations.trigger_span import trigger_span
from .invocation import Invocation


async def trigger(invocation: Invocation, options: Mapping[str, str]) -> Result:
    """Start a run; ``options`` are the parameters that were options of the command line."""
    given = {**from_click(options), **invocation.run_params}
    file, given_tags = invocation.run_id_file(), tuple(invocation.options.get("tags") or ())
    tags.validate(given_tags)
    client = await open_client(invocation.connection, invocation.profile)
    manifest = _overridden(invocation, await _own(invocation, client))
    run_id = start.run_id_for(manifest.flow, invocation.options.get("run_id"))
    validate(manifest, given)
    tags.validate(given_tags, manifest.launch.tags)
    settled = await asyncio.to_thread(resolve, manifest, given, upload)
    if invocation.options.get("task_queue"):
        await resource_schedules.make_known(client, manifest)
    with trigger_span(manifest.deployment, run_id) as variables:
        run = RunInput(manifest, run_id, settled, given_tags, variables=variables)
        await start.start_once(client, run, given, lambda: announce(run_id, file))
    for warning in (await look_for_workers(client, manifest)).warnings:
        say(warning)
    return Result(invocation.run_attributes(manifest.deployment, run_id), run_id, run_id)


async def delete(invocation: Invocation) -> Result:
    """Delete the deployment; its runs continue."""
    client = await open_client(invocation.connection, invocation.profile)
    manifest = await _own(invocation, client)
    await registration.delete(client, manifest, username(), invocation.options.get("authorize"))
    note = f"{manifest.deployment} is deleted; its runs continue"
    return Result({"name": manifest.deployment}, "", manifest.deployment, (note,))


async def list_deployments(invocation: Invocation) -> Result:
    """List the flow's deployments, or all."""
    client = await open_client(invocation.connection, invocation.profile)
    found = await all_deployments(client)
    if not invocation.options.get("all"):
        found = [one for one in found if one.manifest.flow == invocation.flow]
    lines = [
        f"{one.name}\t{one.manifest.version}\t{one.manifest.owner}\t{one.deployed_at.isoformat(timespec='seconds')}"
        for one in found
    ]
    names = [one.name for one in found]
    return Result([{"name": name} for name in names], "\n".join(lines), names)


async def _own(invocation: Invocation, client: Client) -> Manifest:
    """The deployment of the command; MftctlError with exit code 6 if it is a deployment of another flow."""
    manifest = await deployments.get(client, invocation.deployment)
    if manifest.flow != invocation.flow:
        raise ConflictError(
            f"{manifest.deployment} is a deployment of {manifest.flow}, not of {invocation.flow}",
            code="deployment.mismatch",
        )
    return manifest


def _overridden(invocation: Invocation, manifest: Manifest) -> Manifest:
    """The manifest with the options of `trigger` that hold for one run."""
    timeout = invocation.workflow_timeout
    queue = invocation.options.get("task_queue")
    if queue is not None and (problem := task_queue_problem(queue)):
        raise UsageError(f"--task-queue: {queue!r}: {problem}", hint="leave it out for the deployment's own")
    return replace(
        manifest,
        workflow_timeout=manifest.workflow_timeout if timeout is None else timeout,
        task_queue=queue or manifest.task_queue,
    )
