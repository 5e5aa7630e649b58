"""Versions of workers on the Temporal server: which one takes new runs, and how many runs each still has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from temporalio.api.deployment.v1 import WorkerDeploymentInfo, WorkerDeploymentVersion
from temporalio.api.enums.v1 import WorkerDeploymentVersionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentVersionRequest,
    ListWorkerDeploymentsRequest,
    SetWorkerDeploymentCurrentVersionRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ..model.errors import ConflictError, MftctlError, NotFoundError
from ..model.worker_version import WorkerVersion
from .connection.connect import IgnoreNotFound

_Summary = WorkerDeploymentInfo.WorkerDeploymentVersionSummary
Status = Literal["inactive", "current", "ramping", "draining", "drained"]
_STATUSES: Mapping[int, Status] = {
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT: "current",
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING: "ramping",
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING: "draining",
    WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED: "drained",
}
#: Seconds for which an unknown version is waited for.
PATIENCE = 5.0


@dataclass(frozen=True)
class VersionState:
    """A version of workers: whether it takes new runs, how many runs are open on it, and since when that holds.

    ``inactive``: it has never taken new runs. ``current``: it takes all of them. ``ramping``: it takes a share of them.
    ``draining``: it takes no more, and has some. ``drained``: it has none, and its workers can be stopped.
    """

    version: WorkerVersion
    status: Status
    runs: int
    changed: datetime | None


async def read_version(client: Client, version: WorkerVersion) -> VersionState:
    """A version as it is now; MftctlError when the server does not know it."""
    return await _state(client, version, _summaries(await known(client, version))[version])


async def list_versions(client: Client) -> list[VersionState]:
    """All versions that workers of mftctl may have, by name, the newest first."""
    names: list[str] = []
    request = ListWorkerDeploymentsRequest(namespace=client.namespace)
    async with _supported():
        while True:
            answer = await client.workflow_service.list_worker_deployments(request, retry=True)
            names += [one.name for one in answer.worker_deployments]
            request.next_page_token = answer.next_page_token
            if not answer.next_page_token:
                break
    found: list[VersionState] = []
    for name in sorted(names):
        info = await describe(client, name)
        states = (_state(client, *one) for one in _summaries(info).items())
        found += await asyncio.gather(*states)
    return found


async def status_of(client: Client, version: WorkerVersion) -> Status | None:
    """The status of a version, without a count of its runs; None when the server does not know it."""
    found = _summaries(await describe(client, version.name)).get(version)
    return None if found is None else _status(found)


async def task_queues_by_version(client: Client, versions: Iterable[str]) -> dict[str, frozenset[str]]:
    """``task_queues_of`` each of these versions, without the empty text of runs that stay on none."""
    named = sorted({*versions} - {""})
    found = await asyncio.gather(*(task_queues_of(client, one) for one in named))
    return dict(zip(named, found, strict=True))


def version_in(task_queue: str, version: str, queues: Mapping[str, frozenset[str]]) -> str:
    """The version that takes the tasks of a run in a task queue: its own, or any (empty), where its own is not there.

    ``queues``: the task queues of each version; those of a version that the server lost are unknown.
    """
    return "" if queues.get(version) and task_queue not in queues[version] else version


async def task_queues_of(client: Client, text: str) -> frozenset[str]:
    """The task queues that workers of a version, NAME:BUILD, serve or have served; none if the server lost it."""
    name, _, build = text.rpartition(":")
    version = WorkerDeploymentVersion(deployment_name=name, build_id=build)
    request = DescribeWorkerDeploymentVersionRequest(namespace=client.namespace, deployment_version=version)
    with IgnoreNotFound():
        answer = await client.workflow_service.describe_worker_deployment_version(request, retry=True)
        return frozenset(one.name for one in answer.version_task_queues)
    return frozenset()


async def promote(client: Client, version: WorkerVersion) -> None:
    """Let a version take all new runs, also the share of a ramping one.

    MftctlError when it is unknown, or lacks a task queue of the one before.

    The task queues of a worker that was just started are waited for, as its version is.
    """
    await known(client, version)
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace, deployment_name=version.name, build_id=version.build
    )
    give_up = asyncio.get_running_loop().time() + PATIENCE
    async with _supported():
        while True:
            try:
                await client.workflow_service.set_worker_deployment_current_version(request)
            except RPCError as error:
                if error.status != RPCStatusCode.FAILED_PRECONDITION:
                    raise
                if "ManagerIdentity" in error.message:
                    raise _managed(version, error) from error
                if asyncio.get_running_loop().time() > give_up:
                    raise _refused(version, error) from error
            else:
                break
            await asyncio.sleep(0.2)
        routing = (await describe(client, version.name)).routing_config
        ramping = routing.ramping_deployment_version.build_id
        # Without a version, workers that have none get the share.
        if (ramping or routing.ramping_version_percentage) and ramping != version.build:
            nothing = SetWorkerDeploymentRampingVersionRequest(
                namespace=client.namespace, deployment_name=version.name
            )
            await client.workflow_service.set_worker_deployment_ramping_version(nothing)


async def known(client: Client, version: WorkerVersion) -> WorkerDeploymentInfo:
    """The worker deployment of a version, which has it; MftctlError when the server does not know it.

    A worker that was just started is known a moment later, so an unknown version is waited for ``PATIENCE`` seconds.
    """
    give_up = asyncio.get_running_loop().time() + PATIENCE
    while True:
        info = await describe(client, version.name)
        found = _summaries(info)
        if version in found:
            return info
        if asyncio.get_running_loop().time() > give_up:
            break
        await asyncio.sleep(0.2)
    known = ", ".join(map(str, found))
    hint = f"known: {known}" if known else f"start workers with --deployment-version {version}"
    raise NotFoundError(f"no worker has had the version {version}", code="workers.version", hint=hint)


async def describe(client: Client, name: str) -> WorkerDeploymentInfo:
    """The worker deployment of this name; an empty one if the server has none."""
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=name)
    async with _supported():
        with IgnoreNotFound():
            answer = await client.workflow_service.describe_worker_deployment(request, retry=True)
            return answer.worker_deployment_info
    return WorkerDeploymentInfo()


async def open_runs(client: Client, version: WorkerVersion) -> int:
    """The number of open runs, without their parts, that stay on a version."""
    pinned = (
        f"TemporalWorkerDeploymentVersion = '{version}' AND TemporalWorkflowVersioningBehavior = 'Pinned'"
    )
    query = f"{pinned} AND ExecutionStatus = 'Running' AND ParentWorkflowId IS NULL"
    return (await client.count_workflows(query)).count


def _managed(version: WorkerVersion, error: RPCError) -> MftctlError:
    return ConflictError(
        f"version {version} cannot be promoted from here: {error.message}",
        code="workers.version",
        hint="promote it with the program that manages the versions of these workers",
    )


def _refused(version: WorkerVersion, error: RPCError) -> MftctlError:
    return ConflictError(
        f"version {version} cannot take new runs: {error.message}",
        code="workers.version",
        hint=f"start workers of {version} for the task queues that the version before serves",
    )


async def _state(client: Client, version: WorkerVersion, summary: _Summary) -> VersionState:
    changed = summary.routing_update_time if summary.HasField("routing_update_time") else None
    return VersionState(
        version,
        _status(summary),
        await open_runs(client, version),
        None if changed is None else changed.ToDatetime(tzinfo=UTC),
    )


def _status(summary: _Summary) -> Status:
    return _STATUSES.get(summary.status, "inactive")


def _summaries(info: WorkerDeploymentInfo) -> dict[WorkerVersion, _Summary]:
    """By version. Those of other programs whose names no worker of mftctl can have are left out."""
    found = {}
    for one in info.version_summaries:
        with suppress(ValueError):
            found[WorkerVersion.parse(f"{info.name}:{one.deployment_version.build_id}")] = one
    return found


@asynccontextmanager
async def _supported() -> AsyncIterator[None]:
    """Turn the answer of a server without worker versioning into a MftctlError."""
    try:
        yield
    except RPCError as error:
        disabled = error.status == RPCStatusCode.PERMISSION_DENIED and "disabled" in error.message
        if error.status != RPCStatusCode.UNIMPLEMENTED and not disabled:
            raise
        raise MftctlError(
            "this Temporal server has no worker versioning",
            code="workers.versioning",
            hint="leave out --deployment-version, and stop old workers with SIGTERM: each finishes its tasks",
        ) from error
