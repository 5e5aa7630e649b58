"""Deployments on the Temporal server: each is a Schedule whose action carries the manifest.

Lists read the manifests themselves: the memo of a Schedule cannot be changed after its creation (server 1.32 refuses
it), and would be out of date after the first new version.
"""

from __future__ import annotations

import asyncio
import difflib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecution,
    ScheduleActionExecutionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from ..model import ids
from ..model.errors import MftctlError, NotFoundError
from ..model.manifest import Manifest
from . import resource_schedules, schedule_spec, tokens
from .connection.connect import IgnoreNotFound
from .unreadable import UnreadableDeployment, manifest_of

NO_REQUEST = tokens.TokenRequest()
#: Requests at once.
MAX_REQUESTS = 16


@dataclass(frozen=True)
class ScheduledRun:
    """A run that a Schedule started: when it was due, and when it started."""

    run_id: str
    due: datetime
    started: datetime


@dataclass(frozen=True)
class Deployment:
    """A deployment on the server: its manifest, and the Schedule that carries it.

    ``reason``: why it is paused, if a user or the server gave a reason.
    """

    manifest: Manifest
    schedule: ScheduleDescription

    @property
    def name(self) -> str:
        """The deployment's name."""
        return self.manifest.deployment

    @property
    def deployed_at(self) -> datetime:
        """When its version was deployed; a pause does not change it."""
        return self.schedule.info.last_updated_at or self.schedule.info.created_at

    @property
    def recent(self) -> list[ScheduledRun]:
        """The last runs that the Schedule started, the oldest first; the server keeps ten."""
        return [
            ScheduledRun(ids.run_id_of(_workflow_id(one.action)), one.scheduled_at, one.started_at)
            for one in self.schedule.info.recent_actions
        ]

    @property
    def running(self) -> list[str]:
        """Ids of the running runs that the Schedule started."""
        return [ids.run_id_of(_workflow_id(one)) for one in self.schedule.info.running_actions]

    @property
    def paused(self) -> bool:
        """Whether its schedule is paused; one that starts no runs is not, though its Schedule may be (``KEPT``)."""
        if self.manifest.schedule is None:
            return False
        return self.schedule.schedule.state.paused and not (
            self._kept and not self.schedule.info.next_action_times
        )

    @property
    def expires(self) -> bool:
        """Whether the server will remove it: it starts nothing any more, and no run waits for an earlier one."""
        if self.schedule.schedule.state.paused or self.schedule.info.next_action_times:
            return False
        return not (self.schedule.info.running_actions or self.schedule.raw_description.info.buffer_size)

    @property
    def stalls(self) -> bool:
        """Whether it would start runs, but for a pause that was not meant for it: of the version before."""
        return self._kept and self.paused

    @property
    def _kept(self) -> bool:
        return self.schedule.schedule.state.paused and self.schedule.schedule.state.note == schedule_spec.KEPT

    @property
    def reason(self) -> str | None:
        """Why it is paused."""
        return (self.schedule.schedule.state.note or None) if self.paused else None


async def register(
    client: Client, manifest: Manifest, request: tokens.TokenRequest = NO_REQUEST
) -> tuple[Manifest, Manifest | None]:
    """Create or replace the deployment's Schedule: the manifest with its production token, and the previous manifest.

    Replacing it takes the new flow's @schedule; a pause and its reason stay. Exit code 6 when somebody else deployed it
    and its token is not known.
    """
    new = tokens.assign_token(None, manifest, request)
    schedule = Schedule(
        action=schedule_spec.action_of(new),
        spec=schedule_spec.spec_of(new),
        policy=schedule_spec.policy_of(new),
    )
    schedule_spec.keep(schedule, new)
    previous = None
    try:
        try:
            await client.create_schedule(ids.schedule_id(manifest.deployment), schedule)
        except ScheduleAlreadyRunningError:
            previous = await get(client, manifest.deployment)
            new = tokens.assign_token(previous, manifest, request)
            await _replace(client, new)
    except RPCError as error:
        if error.status == RPCStatusCode.INVALID_ARGUMENT and "time zone" in str(error):
            raise schedule_spec.unknown_time_zone(new, str(error)) from error
        raise
    await resource_schedules.make_known(client, new)
    tokens.store(tokens.prefix_of(new), str(new.token))
    return new, previous


async def unregister(client: Client, manifest: Manifest, user: str | None, token: str | None = None) -> None:
    """Delete the deployment's Schedule. Exit code 6 when somebody else deployed it and its token is not known."""
    tokens.authorize(manifest, user, token)
    await client.get_schedule_handle(ids.schedule_id(manifest.deployment)).delete()


async def delete_unreadable(client: Client, found: UnreadableDeployment) -> None:
    """Delete a Schedule with a deployment's name; exit code 6 when it may be a deployment with a token."""
    if not found.foreign:
        raise found.error()
    await client.get_schedule_handle(ids.schedule_id(found.name)).delete()


async def keep(client: Client, found: Deployment) -> None:
    """Let the server keep a deployment that an earlier mftctl has deployed, or whose schedule has ended.

    One that was given a schedule while it was paused for that is unpaused.
    """
    if not (found.expires or found.stalls):
        return
    # A worker that may not do it serves the deployment all the same.
    with suppress(RPCError):
        now = await describe(client, found.name)  # it may be another version by now
        handle = client.get_schedule_handle(ids.schedule_id(found.name))
        # Not an update, which would change when it was deployed.
        if isinstance(now, Deployment) and now.expires:
            await handle.pause(note=schedule_spec.KEPT)
        elif isinstance(now, Deployment) and now.stalls:
            await handle.unpause()


async def next_times(client: Client, deployment: str) -> list[datetime]:
    """When the next runs are due, as the server computes it: at most ten, none without @schedule."""
    described = await client.get_schedule_handle(ids.schedule_id(deployment)).describe()
    return list(described.info.next_action_times)


async def get(client: Client, name: str) -> Manifest:
    """The manifest of the deployment with exactly this name; exit code 4 when there is none, 6 if unreadable."""
    found = await describe(client, name)
    if found is None:
        hint = "deploy it with: mftctl deploy FLOW.py; or: python FLOW.py temporal create"
        raise _unknown(name, hint)
    return _readable(found).manifest


async def find_manifest(client: Client, name: str) -> Manifest:
    """The manifest of the deployment whose name, or its last part, is ``name``; exit code 4 when there is none."""
    return (await find(client, name)).manifest


async def find(client: Client, name: str) -> Deployment:
    """As ``find_any``; exit code 6 for an unreadable one."""
    return _readable(await find_any(client, name))


async def find_any(client: Client, name: str) -> Deployment | UnreadableDeployment:
    """The deployment whose name, or its last part, is ``name``; exit code 4 when there is none."""
    if (found := await describe(client, name)) is not None:
        return found
    there = await list_names(client)
    matching = [one for one in there if one.rsplit(".", 1)[-1] == name]
    if len(matching) > 1:
        raise NotFoundError(
            f"'{name}' is ambiguous", code="deployment.ambiguous", hint=f"use {' or '.join(matching)}"
        )
    if matching and (found := await describe(client, matching[0])) is not None:
        return found
    like = difflib.get_close_matches(name, there, n=8, cutoff=0.0)  # the most similar first
    hint = f"existing deployments: {', '.join(like)}" if there else "deploy it with: mftctl deploy FLOW.py"
    raise _unknown(name, hint)


async def describe(client: Client, name: str) -> Deployment | UnreadableDeployment | None:
    """The deployment with exactly this name, or None."""
    with IgnoreNotFound():
        description = await client.get_schedule_handle(ids.schedule_id(name)).describe()
        found = await manifest_of(client.data_converter, name, description)
        return found if isinstance(found, UnreadableDeployment) else Deployment(found, description)
    return None


async def list_all(client: Client) -> tuple[list[Deployment], list[UnreadableDeployment]]:
    """All deployments by name, and the Schedules that only have a deployment's name."""
    found = await describe_many(client, await list_names(client))
    readable = [one for one in found.values() if isinstance(one, Deployment)]
    return readable, [one for one in found.values() if isinstance(one, UnreadableDeployment)]


async def list_names(client: Client) -> list[str]:
    """The sorted names of all deployments; one that was just deleted may still be among them."""
    listed = [ids.deployment_of(one.id) async for one in await client.list_schedules()]
    return sorted(name for name in listed if name is not None)


async def describe_many(client: Client, wanted: list[str]) -> dict[str, Deployment | UnreadableDeployment]:
    """The deployments with these names, by name, in the order given; deleted ones are skipped."""
    limit = asyncio.Semaphore(MAX_REQUESTS)

    async def one(name: str) -> Deployment | UnreadableDeployment | None:
        async with limit:
            return await describe(client, name)

    found = zip(wanted, await asyncio.gather(*map(one, wanted)), strict=True)
    return {name: there for name, there in found if there is not None}


def _workflow_id(action: ScheduleActionExecution) -> str:
    assert isinstance(action, ScheduleActionExecutionStartWorkflow)
    return action.workflow_id


async def _replace(client: Client, manifest: Manifest) -> None:
    def update(given: ScheduleUpdateInput) -> ScheduleUpdate:
        changed = given.description.schedule
        changed.action = schedule_spec.action_of(manifest)
        changed.spec, changed.policy = schedule_spec.spec_of(manifest), schedule_spec.policy_of(manifest)
        schedule_spec.keep(changed, manifest)
        return ScheduleUpdate(schedule=changed)

    await client.get_schedule_handle(ids.schedule_id(manifest.deployment)).update(update)


def _readable(found: Deployment | UnreadableDeployment) -> Deployment:
    if isinstance(found, UnreadableDeployment):
        raise found.error()
    return found


def _unknown(name: str, hint: str) -> MftctlError:
    return NotFoundError(f"there is no deployment '{name}'", code="deployment.unknown", hint=hint)
