"""What the commands of deployments do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from temporalio.client import Client

from ..console.confirm import confirm
from ..console.output import Result, Time, say
from ..console.process import in_thread
from ..console.text import iso
from ..control import deployments, manifest_changes, tokens
from ..control.pollers import Poller, Polling, find_pollers
from ..control.unreadable import UnreadableDeployment
from ..events import registration
from ..interpreter.compilation import compile_flow
from ..model.errors import ConflictError, NotFoundError, UsageError
from ..model.manifest import Manifest
from ..model.options import Options
from ..model.urls import without_secrets
from ..profiles import cache_dir
from ..results import deployment_results
from .command_options import Limited
from .deploy_options import AllDeploymentOptions, file_argument
from .missing_workers import no_worker
from .open_client import open_client
from .selection import all_deployments


async def list_(connection: Limited, flow: str | None) -> Result[list[deployment_results.Deployment]]:
    """The deployments of a flow, or all."""
    client = await open_client(connection, connection.settings())
    found = [one for one in await all_deployments(client) if flow in {None, one.manifest.flow}]
    polling = await _polling(client, found)
    rows = [_deployment(one, each.pollers) for one, each in zip(found, polling, strict=True)]
    notes = tuple(
        no_worker(one.deployment, one.task_queue, each)
        for one, each in zip(rows, polling, strict=True)
        if not each.served
    )
    if not rows:
        notes = ("there are no deployments" + (f" of {flow}" if flow else ""),)
    return Result(rows, deployment_results.table(rows), [one.deployment for one in rows], notes)


async def describe(connection: Limited, name: str) -> Result[deployment_results.Description]:
    """A deployment and its workers."""
    client = await open_client(connection, connection.settings())
    found = await deployments.find(client, name)
    polling = await find_pollers(client, found.manifest.task_queue)
    description = _description(found, polling.pollers)
    notes = () if polling.served else (no_worker(found.name, description.task_queue, polling),)
    return Result(description, deployment_results.page(description), found.name, notes)


async def delete(
    connection: Limited, name: str, token: str | None, *, yes: bool
) -> Result[deployment_results.Deleted]:
    """Delete a deployment after a confirmation, also one whose manifest cannot be read."""
    client = await open_client(connection, connection.settings())
    found = await deployments.find_any(client, name)
    if found.name != name:
        raise NotFoundError(
            f"there is no deployment '{name}'",
            code="deployment.unknown",
            hint=f"to delete one, give its full name, such as {found.name}",
        )
    if isinstance(found, UnreadableDeployment):
        if found.foreign:
            question = f"The Schedule of {found.name} {found.reason}. Delete it?"
            await in_thread(partial(confirm, question, yes=yes))  # which Ctrl-C ends at once
        await deployments.delete_unreadable(client, found)
    else:
        user = tokens.username()
        tokens.authorize(found.manifest, user, token)
        await in_thread(partial(confirm, f"Delete the deployment {found.name}?", yes=yes))
        await registration.delete(client, found.manifest, user, token)
    note = f"deleted {found.name}; its runs continue"
    return Result(deployment_results.Deleted(deployment=found.name), "", found.name, (note,))


async def diff(
    connection: Limited,
    name: str,
    flow: str | None,
    given: AllDeploymentOptions,
) -> Result[deployment_results.Difference]:
    """Compile the flow and compare it with what is deployed; exit code 6 where it is another deployment."""
    profile = connection.settings()
    options = given.options(profile)
    python = given.interpreter(profile)
    client = await open_client(connection, profile)
    before = await deployments.find_manifest(client, name)
    file = _file_of(before, flow)
    if not (before.project and given.names_branch):
        options = _same_deployment(before, options)
    say(f"compiling {file}")
    new = await compile_flow(file, options, python, cache_dir())
    if new.deployment != before.deployment:
        raise ConflictError(
            f"{file} would be deployed as {new.deployment}, not as {before.deployment}",
            code="deployment.mismatch",
            hint="name the flow's file, and its --branch or --name",
        )
    # Nothing is changed: those who may not deploy may compare.
    after = tokens.assign_token(before, new, tokens.TokenRequest(authorize=before.token))
    found = manifest_changes.changes(before, after)
    difference = deployment_results.Difference(
        deployment=before.deployment,
        version=before.version,
        new_version=after.version,
        changes=changes_of(found),
    )
    notes = () if found else (f"a deploy would change nothing about {before.deployment}",)
    return Result(difference, "\n".join(one.text for one in found), before.deployment, notes)


def changes_of(found: Sequence[manifest_changes.Change]) -> tuple[deployment_results.Change, ...]:
    """What a deploy changed, or would change."""
    return tuple(deployment_results.Change(**one.to_plain()) for one in found)


def schedule_of(manifest: Manifest) -> deployment_results.Schedule | None:
    """The schedule of a deployment."""
    return None if manifest.schedule is None else deployment_results.Schedule(**asdict(manifest.schedule))


def triggers_of(manifest: Manifest) -> tuple[deployment_results.Trigger, ...]:
    """The events that a deployment waits for."""
    return tuple(deployment_results.Trigger(**asdict(one)) for one in manifest.triggers)


def _deployment(found: deployments.Deployment, pollers: Sequence[Poller]) -> deployment_results.Deployment:
    manifest, due = found.manifest, found.schedule.info.next_action_times
    return deployment_results.Deployment(
        deployment=found.name,
        flow=manifest.flow,
        version=manifest.version,
        schedule=schedule_of(manifest),
        paused=found.paused,
        reason=found.reason,
        next_run=iso(due[0]) if due and not found.paused else None,
        triggers=triggers_of(manifest),
        task_queue=manifest.task_queue,
        workers=tuple(
            deployment_results.Worker(
                identity=one.identity, last_seen=Time(one.last_seen.isoformat(timespec="seconds"))
            )
            for one in pollers
        ),
        owner=manifest.owner,
        deployed_at=iso(found.deployed_at),
    )


def _description(found: deployments.Deployment, pollers: Sequence[Poller]) -> deployment_results.Description:
    manifest, launch = found.manifest, found.manifest.launch
    return deployment_results.Description(
        **vars(_deployment(found, pollers)),
        created_at=iso(found.schedule.info.created_at),
        next_runs=() if found.paused else tuple(iso(at) for at in found.schedule.info.next_action_times),
        project=manifest.project,
        branch=manifest.branch,
        file=launch.file,
        steps=tuple(step.name for step in manifest.steps),
        parameters=tuple(
            deployment_results.Parameter(name=one.name, type=one.type, required=one.required, help=one.help)
            for one in manifest.parameters
        ),
        decorators=launch.decorators,
        tags=launch.tags,
        namespace=launch.namespace,
        max_workers=manifest.max_workers,
        workflow_timeout=manifest.workflow_timeout,
        priority=manifest.priority,
        step_queues=tuple(
            deployment_results.StepQueue(task_queue=queue, steps=steps)
            for queue, steps in manifest.step_queues.items()
        ),
        python=launch.python,
        metadata=launch.metadata,
        datastore=launch.datastore,
        datastore_root=launch.datastore_root,
        environment=launch.environment,
        notify=tuple(without_secrets(one.url) for one in manifest.notify),
    )


async def _polling(client: Client, found: Sequence[deployments.Deployment]) -> list[Polling]:
    """Who polls each deployment's task queue; each queue is asked for once."""
    limit = asyncio.Semaphore(deployments.MAX_REQUESTS)

    async def of_queue(queue: str) -> Polling:
        async with limit:
            return await find_pollers(client, queue)

    queues = sorted({each.manifest.task_queue for each in found})
    by_queue = dict(zip(queues, await asyncio.gather(*map(of_queue, queues)), strict=True))
    return [by_queue[each.manifest.task_queue] for each in found]


def _same_deployment(manifest: Manifest, options: Options) -> Options:
    """The options with the branch or the name that the deployment has."""
    if manifest.project:
        kind, _, branch = (manifest.branch or "").partition(".")
        return replace(options, branch=branch or None if kind != "user" else None, production=kind == "prod")
    if manifest.deployment != manifest.flow:
        return replace(options, name=options.name or manifest.deployment)
    return options


def _file_of(manifest: Manifest, given: str | None) -> Path:
    if given is None and not Path(manifest.launch.file).is_file():
        raise UsageError(
            f"{manifest.launch.file}, the file of {manifest.deployment}, is not in this folder",
            code="flow.missing",
            hint=f"name it: mftctl deployments diff {manifest.deployment} FLOW.py",
        )
    return file_argument(manifest.launch.file if given is None else given)
