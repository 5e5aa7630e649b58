"""Task queues in which tasks of open runs wait though no worker serves them."""

from __future__ import annotations

import asyncio

from temporalio.client import Client

from . import deployments
from .pollers import has_worker
from .queues_in_use import MAX_RUNS
from .runs import lookup
from .task_queue_state import read_states

#: Task queues that are asked about at most.
MAX_QUEUES = 100


async def unserved_tasks(client: Client) -> dict[str, int]:
    """How many tasks wait in each task queue that open runs use and no worker serves.

    Costs a request for the open runs, those for the deployments if there are any, and one or two for each task queue.
    """
    runs = await lookup.list_runs(client, statuses=("running", "paused"), limit=MAX_RUNS)
    queues = {run.task_queue: None for run in runs}
    names = {run.deployment for run in runs}
    if names:
        found, _ = await deployments.list_all(client)
        queues |= {queue: None for one in found if one.name in names for queue in one.manifest.step_queues}
    asked = list(queues)[:MAX_QUEUES]
    served = await asyncio.gather(*(has_worker(client, queue) for queue in asked))
    states = await read_states(client, [queue for queue, has in zip(asked, served, strict=True) if not has])
    return {one.name: one.backlog.tasks for one in states if one.backlog is not None and one.backlog.tasks}
