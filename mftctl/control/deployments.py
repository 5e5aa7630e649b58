"""Deployments on the Temporal server, each a Schedule whose action carries the Manifest.

A list reads the manifests themselves: the memo of a Schedule, which a list would bring along, cannot be changed once
it exists (server 1.32 refuses it), and would be out of date after the first new version.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import Priority
from temporalio.service import RPCError, RPCStatusCode

from .. import ids
from ..engine.inputs import RunInput
from ..errors import Exit, MftctlError
from ..manifest import Manifest
from . import listening, timing, tokens
from .runs import backstop, memo_of

#: A payload of the server is refused at 2 MiB; a manifest past this is no manifest.
MAX_MANIFEST_BYTES = 256 * 1024
NO_CLAIM = tokens.Claim()
#: Descriptions asked for at once.
MAX_REQUESTS = 16


@dataclass(frozen=True)
class Row:
    """A deployment as a list shows it."""

    deployment: str
    flow: str
    version: str
    task_queue: str
    owner: str
    deployed_at: str


async def deploy(
    client: Client, manifest: Manifest, claim: tokens.Claim = NO_CLAIM
) -> tuple[Manifest, Manifest | None]:
    """Register or replace the deployment: the manifest with its production token, and the one before or None.

    Replacing takes the new flow's @schedule, and leaves a pause with its reason as it is. Exit code 6 when it is
    somebody else's, and its token is not known.
    """
    new = tokens.settle(None, manifest, claim)
    schedule = Schedule(action=_action(new), spec=timing.spec_of(new), policy=timing.policy_of(new))
    previous = None
    try:
        try:
            await client.create_schedule(ids.schedule_id(manifest.deployment), schedule)
        except ScheduleAlreadyRunningError:
            previous = await exactly(client, manifest.deployment)
            new = tokens.settle(previous, manifest, claim)
            await _replace(client, new)
    except RPCError as error:
        if error.status == RPCStatusCode.INVALID_ARGUMENT and "time zone" in str(error):
            raise timing.unknown_zone(new, str(error)) from error
        raise
    tokens.store(tokens.prefix_of(new), str(new.token))
    await listening.listen(client, new, previous)
    return new, previous


async def delete(client: Client, manifest: Manifest, user: str | None, token: str | None = None) -> None:
    """Delete the deployment; its runs go on. Exit code 6 when it is somebody else's, and its token is not known."""
    tokens.authorize(manifest, user, token)
    await client.get_schedule_handle(ids.schedule_id(manifest.deployment)).delete()
    await listening.forget(client, manifest.deployment)


async def next_times(client: Client, deployment: str) -> list[datetime]:
    """When the next runs are due, by the server's reckoning; none without @schedule, ten at most."""
    return list(
        (await client.get_schedule_handle(ids.schedule_id(deployment)).describe()).info.next_action_times
    )


async def known(client: Client, name: str) -> Manifest | None:
    """The manifest of the deployment of just that name, or None."""
    try:
        return await _load(client, name)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return None


async def exactly(client: Client, name: str) -> Manifest:
    """The manifest of the deployment of just that name; exit code 4 when there is none."""
    manifest = await known(client, name)
    if manifest is not None:
        return manifest
    raise MftctlError(
        f"there is no deployment '{name}'",
        exit=Exit.NOT_FOUND,
        code="deployment.unknown",
        hint="deploy it with: mftctl deploy FLOW.py; or: python FLOW.py temporal create",
    )


async def find(client: Client, name: str) -> Manifest:
    """The manifest of the deployment called ``name``, or whose last part is ``name``; exit code 4 otherwise."""
    manifest = await known(client, name)
    if manifest is not None:
        return manifest
    there = [row.deployment for row in await rows(client)]
    matching = [one for one in there if one.rsplit(".", 1)[-1] == name]
    if len(matching) == 1:
        return await _load(client, matching[0])
    if matching:
        raise MftctlError(
            f"'{name}' is ambiguous",
            exit=Exit.NOT_FOUND,
            code="deployment.ambiguous",
            hint=f"say {' or '.join(matching)}",
        )
    hint = f"there are: {', '.join(sorted(there)[:8])}" if there else "deploy it with: mftctl deploy FLOW.py"
    raise MftctlError(
        f"there is no deployment '{name}'", exit=Exit.NOT_FOUND, code="deployment.unknown", hint=hint
    )


async def rows(client: Client) -> list[Row]:
    """All deployments, by name."""
    return await _rows(client, await _names(client))


async def manifests(client: Client) -> list[Manifest]:
    """The manifests of all deployments, by name."""
    return [manifest for manifest, _ in await _all(client, await _names(client))]


async def queues(client: Client, names: frozenset[str] | None) -> frozenset[str]:
    """Task queues of the deployments called ``names``, or of all; one that is gone has none."""
    found = await rows(client) if names is None else await _rows(client, sorted(names))
    return frozenset(row.task_queue for row in found)


async def _replace(client: Client, manifest: Manifest) -> None:
    def update(given: ScheduleUpdateInput) -> ScheduleUpdate:
        changed = given.description.schedule
        changed.action = _action(manifest)
        changed.spec, changed.policy = timing.spec_of(manifest), timing.policy_of(manifest)
        return ScheduleUpdate(schedule=changed)

    await client.get_schedule_handle(ids.schedule_id(manifest.deployment)).update(update)


async def _names(client: Client) -> list[str]:
    listed = [ids.deployment_of(one.id) async for one in await client.list_schedules()]
    return sorted(name for name in listed if name is not None)


async def _rows(client: Client, names: list[str]) -> list[Row]:
    return [
        Row(
            deployment=manifest.deployment,
            flow=manifest.flow,
            version=manifest.version,
            task_queue=manifest.task_queue,
            owner=manifest.owner,
            deployed_at=deployed_at.isoformat(timespec="seconds"),
        )
        for manifest, deployed_at in await _all(client, names)
    ]


async def _all(client: Client, names: list[str]) -> list[tuple[Manifest, datetime]]:
    limit = asyncio.Semaphore(MAX_REQUESTS)

    async def one(name: str) -> tuple[Manifest, datetime] | None:
        async with limit:
            try:
                return await _describe(client, name)
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise
                return None  # the list may still hold what was deleted a moment ago

    return [found for found in await asyncio.gather(*map(one, names)) if found is not None]


async def _load(client: Client, name: str) -> Manifest:
    return (await _describe(client, name))[0]


async def _describe(client: Client, name: str) -> tuple[Manifest, datetime]:
    description = await client.get_schedule_handle(ids.schedule_id(name)).describe()
    action = description.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    plain = await client.data_converter.decode(action.args, [dict])
    updated = description.info.last_updated_at or description.info.created_at
    return RunInput.from_plain(plain[0]).manifest, updated


def _action(manifest: Manifest) -> ScheduleActionStartWorkflow:
    # What a Schedule starts has its id from the server, and the defaults that were evaluated at deploy.
    defaults = {one.name: one.default for one in manifest.parameters if one.default is not None}
    run = RunInput(manifest=manifest, run_id="", parameters=defaults)
    given: dict[str, Any] = run.to_plain()
    size = len(json.dumps(given))
    if size > MAX_MANIFEST_BYTES:
        raise MftctlError(
            f"the flow is too large to deploy: its manifest has {size} bytes, {MAX_MANIFEST_BYTES} are allowed",
            code="flow.large",
        )
    return ScheduleActionStartWorkflow(
        manifest.flow,
        given,
        id=ids.scheduled_workflow_id(manifest.flow),
        task_queue=manifest.task_queue,
        execution_timeout=backstop(manifest),
        memo=memo_of(run),
        static_summary=manifest.summary,
        static_details=manifest.description,
        priority=Priority(priority_key=manifest.priority),
    )
