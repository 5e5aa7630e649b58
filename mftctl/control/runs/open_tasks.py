"""The tasks of open runs that have not ended: which run, where, and since when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client

from ..connection.connect import IgnoreNotFound
from .pending_activity import State, heartbeats_of, number_of, state_of
from .run import Run

#: Workflows that are read at once, and child workflows of a run (the parts of its wide foreaches) that are read.
AT_ONCE, MAX_CHILDREN = 8, 50


@dataclass(frozen=True)
class OpenTask:
    """A task of an open run. ``number``: its attempt, from 0.

    ``running`` on ``worker`` since then; ``waiting`` since then for a worker of ``task_queue``; or ``retrying``, which
    is due then.
    """

    run: Run
    step: str
    task_id: str
    state: State
    number: int
    since: datetime
    task_queue: str
    worker: str | None = None


async def open_tasks(client: Client, runs: Iterable[Run]) -> list[OpenTask]:
    """The tasks of these runs: first those that run, the longest on top, then the others.

    Costs a request for each run, and for each part of a wide foreach that it runs.
    """
    limit = asyncio.Semaphore(AT_ONCE)

    async def read(run: Run, workflow_id: str, execution_id: str | None) -> list[OpenTask]:
        found: list[OpenTask] = []
        parts: list[tuple[str, str | None]] = []
        async with limit:
            with IgnoreNotFound():
                handle = client.get_workflow_handle(workflow_id, run_id=execution_id)
                described = (await handle.describe()).raw_description
                queue = described.execution_config.task_queue.name
                for one in described.pending_activities:
                    attempts = await heartbeats_of(one, client.data_converter)
                    found.append(_task(run, one, number_of(one, attempts), queue))
                parts = [(one.workflow_id, one.run_id or None) for one in described.pending_children]
        below = await asyncio.gather(*(read(run, *part) for part in parts[:MAX_CHILDREN]))
        return found + [one for part in below for one in part]

    read_all = await asyncio.gather(*(read(run, run.workflow_id, run.execution_id) for run in runs))
    order: list[State] = ["running", "retrying", "waiting"]
    tasks = [one for found in read_all for one in found]
    return sorted(tasks, key=lambda one: (order.index(one.state), one.since, one.run.run_id, one.task_id))


def _task(run: Run, pending: PendingActivityInfo, number: int, queue: str) -> OpenTask:
    state = state_of(pending)
    runs = state == "running"
    return OpenTask(
        run=run,
        step=pending.activity_type.name,
        task_id=pending.activity_id,
        state=state,
        number=number,
        since=_time(pending.last_started_time if runs else pending.scheduled_time),
        task_queue=pending.activity_options.task_queue.name or queue,
        worker=pending.last_worker_identity if runs else None,
    )


def _time(at: Timestamp) -> datetime:
    return at.ToDatetime(tzinfo=UTC)
