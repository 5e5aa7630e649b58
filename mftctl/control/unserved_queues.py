"""Task queues in which tasks of open runs wait though no worker serves them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from temporalio.client import Client

from . import deployments
from .pollers import Polling, find_pollers
from .queues_in_use import MAX_RUNS
from .runs import lookup
from .task_queue_state import read_states
from .worker_versioning import task_queues_by_version, version_in

#: Task queues that are asked about at once.
AT_ONCE = 16


@dataclass(frozen=True)
class Unserved:
    """A task queue where ``tasks`` wait, and no worker takes those of runs that stay on the ``version``, or are new."""

    task_queue: str
    version: str
    polling: Polling
    tasks: int


async def find_unserved(client: Client) -> list[Unserved]:
    """The task queues that open runs use, where tasks wait and no worker takes them.

    Costs a request for the open runs, one for each of their deployments and versions, and one or two for each task
    queue.
    """
    runs = await lookup.list_runs(client, statuses=("running", "paused"), limit=MAX_RUNS)
    found = await deployments.describe_many(client, sorted({run.deployment for run in runs}))
    queues = await task_queues_by_version(client, (run.worker_version for run in runs))
    places: dict[tuple[str, str], None] = {}
    for run in runs:
        deployment = found.get(run.deployment)
        steps = deployment.manifest.step_queues if isinstance(deployment, deployments.Deployment) else ()
        used = (run.task_queue, *steps)
        places |= {(queue, version_in(queue, run.worker_version, queues)): None for queue in used}
    limit = asyncio.Semaphore(AT_ONCE)

    async def ask(place: tuple[str, str]) -> Polling:
        async with limit:
            return await find_pollers(client, *place)

    polling = await asyncio.gather(*map(ask, places))
    unserved = {place: one for place, one in zip(places, polling, strict=True) if not one.served}
    states = await read_states(client, {queue: None for queue, _ in unserved})
    tasks = {one.name: one.backlog.tasks for one in states if one.backlog is not None}
    return [
        Unserved(queue, version, one, tasks[queue])
        for (queue, version), one in unserved.items()
        if tasks.get(queue)
    ]
