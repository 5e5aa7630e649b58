"""Who keeps the events of a deployment: one small workflow each (``events/listener.py``)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from ..control.connection.connect import IgnoreNotFound
from ..model import ids
from ..model.errors import MftctlError
from ..model.event import Event
from ..model.manifest import Manifest
from . import listener, migration

#: Seconds until a listener that was just started is in the server's lists.
LISTED = 15.0
#: Seconds to wait for a listener's answer.
QUERY_TIMEOUT = 2.0


async def subscribe(client: Client, manifest: Manifest) -> None:
    """Have the events that the deployment waits for kept for it, from now on; what was kept before stays."""
    if not manifest.triggers:
        await unsubscribe(client, manifest.deployment, "the deployment waits for no events any more")
        return
    found = await _running(client, manifest.deployment)
    if found is not None and found.task_queue != manifest.task_queue:
        await migration.move(client, found, manifest.task_queue)
    else:
        await client.start_workflow(
            listener.LISTENER_TYPE,
            {"deployment": manifest.deployment},
            id=ids.listener_id(manifest.deployment),
            task_queue=manifest.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
    # Whoever tells of an event asks the server's list, which may be a moment behind.
    deadline = asyncio.get_running_loop().time() + LISTED
    while manifest.deployment not in await list_names(client):
        if asyncio.get_running_loop().time() > deadline:
            raise MftctlError(
                f"{manifest.deployment} is deployed, but the server does not list who listens for its events",
                code="events.unlisted",
                hint="is its visibility store well? Deploy again when it is",
            )
        await asyncio.sleep(0.1)


async def unsubscribe(client: Client, deployment: str, reason: str = "the deployment was deleted") -> None:
    """Keep no more events for a deployment."""
    with IgnoreNotFound():
        await client.get_workflow_handle(ids.listener_id(deployment)).terminate(reason)


async def send(client: Client, manifest: Manifest, event: Event) -> None:
    """Give the deployment's listener an event, and start the listener if it is not there."""
    await client.start_workflow(
        listener.LISTENER_TYPE,
        {"deployment": manifest.deployment},
        id=ids.listener_id(manifest.deployment),
        task_queue=manifest.task_queue,
        start_signal=listener.SIGNAL,
        start_signal_args=[event.to_plain()],
    )


async def state_of(client: Client, deployment: str) -> dict[str, Any] | None:
    """What a deployment's listener has; None when there is none, or no worker answers for it."""
    handle = client.get_workflow_handle(ids.listener_id(deployment))
    try:
        found: dict[str, Any] = await handle.query(
            listener.STATE, result_type=dict, rpc_timeout=timedelta(seconds=QUERY_TIMEOUT)
        )
    except (RPCError, WorkflowQueryFailedError):
        return None
    return found


async def list_names(client: Client) -> set[str]:
    """The deployments that have or had a listener.

    Those that had one count because the server's list may not know yet of one that has just gone on in a new history.
    """
    query = f"WorkflowType = '{listener.LISTENER_TYPE}'"
    found = [ids.listening_deployment(one.id) async for one in client.list_workflows(query)]
    return {name for name in found if name is not None}


async def _running(client: Client, deployment: str) -> WorkflowExecutionDescription | None:
    """The deployment's listener, if it has one."""
    with IgnoreNotFound():
        found = await client.get_workflow_handle(ids.listener_id(deployment)).describe()
        return found if found.status == WorkflowExecutionStatus.RUNNING else None
    return None
