"""Deployments on the Temporal server, each a Schedule: its action carries the Manifest, its memo the row of a list."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio.api.common.v1 import Payloads
from temporalio.api.workflowservice.v1 import (
    CreateScheduleRequest,
    DeleteScheduleRequest,
    DescribeScheduleRequest,
    UpdateScheduleRequest,
)
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleSpec,
)
from temporalio.service import RPCError, RPCStatusCode

from .. import ids
from ..engine.inputs import RunInput
from ..errors import Exit, MftctlError
from ..manifest import Manifest

#: A payload of the server is refused at 2 MiB; a manifest past this is no manifest.
MAX_MANIFEST_BYTES = 256 * 1024


@dataclass(frozen=True)
class Row:
    """A deployment as a list shows it."""

    deployment: str
    flow: str
    version: str
    task_queue: str
    owner: str
    deployed_at: str


async def deploy(client: Client, manifest: Manifest) -> Manifest | None:
    """Register or replace the deployment; the manifest it had before, or None when it is new."""
    schedule = Schedule(action=_action(manifest), spec=ScheduleSpec())
    memo = _memo(manifest)
    try:
        await client.create_schedule(ids.schedule_id(manifest.deployment), schedule, memo=memo)
        return None
    except ScheduleAlreadyRunningError:
        previous = await find(client, manifest.deployment)
    await _replace(client, manifest, memo)
    return previous


async def find(client: Client, name: str) -> Manifest:
    """The manifest of the deployment called ``name``, or whose last part is ``name``; exit code 4 otherwise."""
    try:
        return await _load(client, name)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
    known = [row.deployment for row in await rows(client)]
    matching = [one for one in known if one.rsplit(".", 1)[-1] == name]
    if len(matching) == 1:
        return await _load(client, matching[0])
    if matching:
        raise MftctlError(
            f"'{name}' is ambiguous", exit=Exit.NOT_FOUND, code="deployment.ambiguous", hint=f"say {' or '.join(matching)}"
        )
    hint = f"there are: {', '.join(sorted(known)[:8])}" if known else "deploy it with: mftctl deploy FLOW.py"
    raise MftctlError(f"there is no deployment '{name}'", exit=Exit.NOT_FOUND, code="deployment.unknown", hint=hint)


async def rows(client: Client) -> list[Row]:
    """All deployments."""
    found = []
    async for listed in await client.list_schedules():
        name = ids.deployment_of(listed.id)
        if name is not None:
            memo = await listed.memo()
            found.append(Row(deployment=name, **{key: str(memo.get(key, "")) for key in _MEMO_KEYS}))
    return found


async def queues(client: Client, names: frozenset[str] | None) -> frozenset[str]:
    """Task queues of the deployments called ``names``, or of all."""
    return frozenset(row.task_queue for row in await rows(client) if names is None or row.deployment in names)


async def _replace(client: Client, manifest: Manifest, memo: dict[str, str]) -> None:
    """Give an existing Schedule a new action and a new memo; its spec and a pause with its reason stay.

    The SDK's own update cannot replace the memo, so this is its request by hand.
    """
    service, schedule_id = client.workflow_service, ids.schedule_id(manifest.deployment)
    named = {"namespace": client.namespace, "schedule_id": schedule_id}
    described = await service.describe_schedule(DescribeScheduleRequest(**named))
    request = UpdateScheduleRequest(
        **named, schedule=described.schedule, conflict_token=described.conflict_token, request_id=str(uuid.uuid4())
    )
    action, start = _action(manifest), request.schedule.action.start_workflow
    start.workflow_type.name = manifest.flow
    start.workflow_id = action.id
    start.task_queue.name = manifest.task_queue
    start.ClearField("workflow_execution_timeout")
    if action.execution_timeout is not None:
        start.workflow_execution_timeout.FromTimedelta(action.execution_timeout)
    start.input.CopyFrom(Payloads(payloads=await client.data_converter.encode(action.args)))
    for key, value in memo.items():
        request.memo.fields[key].CopyFrom((await client.data_converter.encode([value]))[0])
    try:
        await service.update_schedule(request)
    except RPCError as error:
        if "memo" not in str(error):
            raise
        # Server 1.32 and older cannot change a Schedule's memo: the same Schedule is made again with the new one.
        await service.delete_schedule(DeleteScheduleRequest(**named))
        again = CreateScheduleRequest(
            **named, schedule=request.schedule, memo=request.memo, request_id=request.request_id
        )
        await service.create_schedule(again)


_MEMO_KEYS = ("flow", "version", "task_queue", "owner", "deployed_at")


async def _load(client: Client, name: str) -> Manifest:
    description = await client.get_schedule_handle(ids.schedule_id(name)).describe()
    action = description.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)
    plain = await client.data_converter.decode(action.args, [dict])
    return RunInput.from_plain(plain[0]).manifest


def _action(manifest: Manifest) -> ScheduleActionStartWorkflow:
    given: dict[str, Any] = RunInput(manifest=manifest, run_id="").to_plain()
    size = len(repr(given))
    if size > MAX_MANIFEST_BYTES:
        raise MftctlError(
            f"the flow is too large to deploy: its manifest has {size} bytes, {MAX_MANIFEST_BYTES} are allowed",
            code="flow.large",
        )
    timeout = manifest.workflow_timeout
    return ScheduleActionStartWorkflow(
        manifest.flow,
        given,
        id=ids.scheduled_workflow_id(manifest.flow),
        task_queue=manifest.task_queue,
        execution_timeout=timedelta(seconds=timeout) if timeout else None,
    )


def _memo(manifest: Manifest) -> dict[str, str]:
    return {
        "flow": manifest.flow,
        "version": manifest.version,
        "task_queue": manifest.task_queue,
        "owner": manifest.owner,
        "deployed_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
