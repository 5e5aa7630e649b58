"""Wait until no open run is left on a version of workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from temporalio.api.deployment.v1 import WorkerDeploymentInfo
from temporalio.api.enums.v1 import RoutingConfigUpdateState
from temporalio.client import Client
from temporalio.service import RPCError

from ..model.errors import ConflictError
from ..model.worker_version import WorkerVersion
from .connection.connect import may_pass
from .pollers import takers_of
from .worker_versioning import describe, known, open_runs, task_queues_of

#: Seconds between two counts of the runs of a version.
INTERVAL = 2.0
#: Seconds after which a promotion that is not known to be complete is judged by the task queues.
SPREAD = 60.0
#: Counts of no run, one after another, after which a version has none: visibility lags behind a little.
CONFIRMED = 2


async def drained(
    client: Client, version: WorkerVersion, report: Callable[[str], None]
) -> AsyncIterator[int]:
    """How many runs a version still has, whenever that has changed; it ends when there are none.

    The count is the server's of open workflows pinned to the version, which ``INTERVAL`` seconds later is confirmed.
    ConflictError when the version takes new runs, also if somebody has promoted it meanwhile. While the server is away,
    or some task queues do not follow the promotion yet, it waits, and ``report`` gets the reason, once.
    """
    last, empty, away = -1, 0, False
    spreading: float | None = None
    clock = asyncio.get_running_loop().time
    while empty < CONFIRMED:
        try:
            info = await describe(client, version.name)
            runs = await open_runs(client, version)
            # The server may lose the end of a promotion; then it says for ever that it is in progress.
            late = spreading is not None and clock() - spreading > SPREAD
            spread = _is_spread(info) or (late and await _is_replaced(client, version))
        except RPCError as error:
            if not may_pass(error):
                raise
            if not away:
                report(f"the Temporal server does not answer, retrying: {error.message}")
            away, empty = True, 0
        else:
            away = False
            _refuse_active(version, info)
            if not runs and not spread and spreading is None:
                report("waiting until all task queues follow the promotion")
                spreading = clock()
            empty = 0 if runs or not spread else empty + 1
            if runs != last:
                yield runs
            last = runs
        if empty < CONFIRMED:
            await asyncio.sleep(INTERVAL)


async def check_inactive(client: Client, version: WorkerVersion) -> None:
    """ConflictError if the version takes new runs; MftctlError when the server does not know it."""
    _refuse_active(version, await known(client, version))


def _refuse_active(version: WorkerVersion, info: WorkerDeploymentInfo) -> None:
    """ConflictError if the version takes new runs, all or a share of them."""
    routing = info.routing_config
    for status, one in (
        ("current", routing.current_deployment_version),
        ("ramping", routing.ramping_deployment_version),
    ):
        if one.build_id == version.build:
            raise ConflictError(
                f"version {version} is {status}: it takes new runs",
                code="workers.version",
                hint="name the version that takes them instead with --to",
            )


def _is_spread(info: WorkerDeploymentInfo) -> bool:
    """Whether all task queues follow the last promotion."""
    spreading = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS
    return info.routing_config_update_state != spreading


async def _is_replaced(client: Client, version: WorkerVersion) -> bool:
    """Whether no task queue of a version gives it new runs, by what the server says of each."""
    queues = await task_queues_of(client, str(version))
    takers = await asyncio.gather(*(takers_of(client, queue) for queue in queues))
    return all(str(version) not in one for one in takers)
