"""Task queues in which tasks of open runs wait though no worker serves them."""

from __future__ import annotations

import asyncio

from temporalio.client import Client

from . import deployments
from .pollers import has_worker
from .queues_in_use import MAX_RUNS
from .runs import lookup
from .task_queue_state import read_states
from .worker_versioning import task_queues_of

#: Task queues that are asked about at most.
MAX_QUEUES = 100


async def unserved_tasks(client: Client) -> dict[str, int]:
    """How many tasks wait in each task queue that open runs use and no worker serves: none of the run's version.

    Costs a request for the open runs, one for each of their deployments and versions, and one or two for each task
    queue.
    """
    runs = await lookup.list_runs(client, statuses=("running", "paused"), limit=MAX_RUNS)
    found = await deployments.describe_many(client, sorted({run.deployment for run in runs}))
    versions = sorted({run.worker_version for run in runs} - {""})
    of_version = dict(
        zip(versions, await asyncio.gather(*(task_queues_of(client, one) for one in versions)), strict=True)
    )
    places: dict[tuple[str, str], None] = {}
    for run in runs:
        deployment = found.get(run.deployment)
        steps = deployment.manifest.step_queues if isinstance(deployment, deployments.Deployment) else ()
        places |= {
            (queue, run.worker_version if queue in of_version.get(run.worker_version, ()) else ""): None
            for queue in (run.task_queue, *steps)
        }
    asked = list(places)[:MAX_QUEUES]
    served = await asyncio.gather(*(has_worker(client, *place) for place in asked))
    unserved = {queue: None for (queue, _), has in zip(asked, served, strict=True) if not has}
    states = await read_states(client, unserved)
    return {one.name: one.backlog.tasks for one in states if one.backlog is not None and one.backlog.tasks}
