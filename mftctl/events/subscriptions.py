"""The listeners of deployments: one small workflow each, which keeps events (``events/listener.py``)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
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

#: Seconds to wait until the server lists a new listener.
LISTED = 15.0
#: Seconds to wait for a listener to answer a query.
QUERY_TIMEOUT = 2.0


@dataclass(frozen=True)
class ListenerState:
    """The names of a listener's ``pending`` events, and the result of its ``last`` start.

    ``last``: ``run_id`` and ``events`` of the run that it started, or the ``problem`` that prevented it.
    """

    pending: tuple[str, ...]
    last: dict[str, Any] | None


async def subscribe(client: Client, manifest: Manifest) -> None:
    """Start, keep or move the deployment's listener; stop it when the deployment waits for no events."""
    if not manifest.triggers:
        await unsubscribe(client, manifest.deployment, "the deployment waits for no events any more")
        return
    found = await _running(client, manifest.deployment)
    if found is not None and found.task_queue != manifest.task_queue:
        await migration.move(client, found, manifest.task_queue)
    else:
        await _start(client, manifest, id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING)
    # Publishers find listeners in the server's list, which may be late.
    deadline = asyncio.get_running_loop().time() + LISTED
    while manifest.deployment not in await list_names(client):
        if asyncio.get_running_loop().time() > deadline:
            raise MftctlError(
                f"{manifest.deployment} is deployed, but the server does not list its listener",
                code="events.unlisted",
                hint="check the server's visibility store, then deploy again",
            )
        await asyncio.sleep(0.1)


async def unsubscribe(client: Client, deployment: str, reason: str = "the deployment was deleted") -> None:
    """Stop the deployment's listener."""
    with IgnoreNotFound():
        await client.get_workflow_handle(ids.listener_id(deployment)).terminate(reason)


async def send(client: Client, manifest: Manifest, event: Event) -> None:
    """Send an event to the deployment's listener, which is started if it does not run."""
    await _start(client, manifest, start_signal=listener.SIGNAL, start_signal_args=[event.to_plain()])


async def send_by_name(client: Client, deployment: str, event: Event) -> bool:
    """Send an event to the listener of a deployment that cannot be read; False when none runs."""
    with IgnoreNotFound():
        handle = client.get_workflow_handle(ids.listener_id(deployment))
        await handle.signal(listener.SIGNAL, event.to_plain())
        return True
    return False


async def state_of(client: Client, deployment: str) -> ListenerState | None:
    """The state of the deployment's listener; None when there is none, or no worker answers."""
    handle = client.get_workflow_handle(ids.listener_id(deployment))
    try:
        state: dict[str, Any] = await handle.query(
            listener.STATE, result_type=dict, rpc_timeout=timedelta(seconds=QUERY_TIMEOUT)
        )
    except (RPCError, WorkflowQueryFailedError):
        return None
    return ListenerState(tuple(one["name"] for one in state["pending"]), state["last"] or None)


async def list_names(client: Client) -> set[str]:
    """The deployments that have or had a listener.

    Closed listeners count, because the server may not list yet one that just continued as new.
    """
    query = f"WorkflowType = '{listener.LISTENER_TYPE}'"
    found = [ids.listening_deployment(one.id) async for one in client.list_workflows(query)]
    return {name for name in found if name is not None}


async def _start(client: Client, manifest: Manifest, **more: Any) -> None:
    """Start the deployment's listener, with ``more`` arguments of ``Client.start_workflow``."""
    await client.start_workflow(
        listener.LISTENER_TYPE,
        {"deployment": manifest.deployment},
        id=ids.listener_id(manifest.deployment),
        task_queue=manifest.task_queue,
        **more,
    )


async def _running(client: Client, deployment: str) -> WorkflowExecutionDescription | None:
    """The deployment's listener, if it has one."""
    with IgnoreNotFound():
        found = await client.get_workflow_handle(ids.listener_id(deployment)).describe()
        return found if found.status == WorkflowExecutionStatus.RUNNING else None
    return None
