"""What the commands of task queues do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from temporalio.client import Client

from ..console.output import Result
from ..console.text import format_duration
from ..control.pollers import Polling, find_pollers
from ..control.queues_in_use import QueueUse, queues_in_use
from ..control.task_queue_state import TaskQueueState, read_states
from ..control.unserved_queues import find_unserved
from ..control.workers import Worker, list_workers
from ..results import queue_results
from .command_options import Limited
from .missing_workers import start_worker
from .open_client import open_client
from .selection import all_deployments

#: For servers without statistics.
UNKNOWN = "this Temporal server has no statistics of task queues: backlogs and rates are unknown"


async def list_(connection: Limited) -> Result[list[queue_results.TaskQueue]]:
    """The task queues that deployments or open runs use."""
    client = await open_client(connection, connection.settings())
    notes: list[str] = []
    used = await used_queues(client, notes)
    states = await read_states(client, used)
    workers, _ = await list_workers(client, states)
    rows = rows_of(states, used, workers)
    if any(one.backlog is None for one in rows):
        notes.append(UNKNOWN)
    waiting = [one for one in rows if one.backlog]
    polling = await asyncio.gather(*(find_pollers(client, one.task_queue) for one in waiting))
    notes += [
        unserved_queue(one, each) for one, each in zip(waiting, polling, strict=True) if not each.served
    ]
    rows_by_name = {one.task_queue: one for one in waiting}
    notes += [
        unserved_queue(rows_by_name[one.task_queue], one.polling, one.version)
        for one in await find_unserved(client)
        if one.version and one.task_queue in rows_by_name
    ]
    if not rows:
        notes.append("no deployment and no open run uses a task queue")
    return Result(rows, queue_results.table(rows), [one.task_queue for one in rows], tuple(notes))


async def used_queues(client: Client, notes: list[str]) -> dict[str, QueueUse]:
    """The task queues that deployments or open runs use; adds a note where not all open runs were read."""
    manifests = [one.manifest for one in await all_deployments(client)]
    bound = "only {} open runs were read: task queues that only others use are not listed"
    return await queues_in_use(client, manifests, lambda most: notes.append(bound.format(most)))


def rows_of(
    states: Sequence[TaskQueueState], used: Mapping[str, QueueUse], workers: Sequence[Worker]
) -> list[queue_results.TaskQueue]:
    """A row for each task queue."""
    serving = [name for one in workers if one.state == "running" for name in one.task_queues]
    return [_row(state, used[state.name], serving.count(state.name)) for state in states]


def unserved_queue(found: queue_results.TaskQueue, polling: Polling, version: str = "") -> str:
    """The warning that tasks wait where no worker takes them: new ones, or those of runs that stay on a version."""
    tasks = "1 task waits" if found.backlog == 1 else f"{found.backlog} tasks wait"
    since = f" for {format_duration(found.oldest_seconds)}" if found.oldest_seconds else ""
    wanted = version or polling.wanted
    where = f"{found.task_queue}, which no worker{f' of version {wanted}' if wanted else ''} serves"
    return f"{tasks}{since} on {where}; {start_worker(found.task_queue, polling, version)}"


def _row(state: TaskQueueState, use: QueueUse, workers: int) -> queue_results.TaskQueue:
    both, runs = state.backlog, state.workflows
    return queue_results.TaskQueue(
        task_queue=state.name,
        backlog=None if both is None else both.tasks,
        workflow_tasks=None if runs is None else runs.tasks,
        oldest_seconds=round(both.age, 3) if both and both.tasks else None,
        added_per_minute=None if both is None else round(both.added, 1),
        dispatched_per_minute=None if both is None else round(both.dispatched, 1),
        workers=workers,
        runs=use.runs,
        deployments=tuple(sorted(use.deployments)),
    )
