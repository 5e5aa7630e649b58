"""What the commands of workers do."""

from __future__ import annotations

from ..console.output import Result
from ..console.text import exact
from ..control.task_queue_state import read_states
from ..control.workers import Worker, list_workers
from ..model.errors import UsageError
from ..model.ids import task_queue_problem
from ..model.resources import base_of
from ..results import worker_results
from .command_options import Limited
from .open_client import open_client
from .queue_operations import used_queues

#: For servers without heartbeats.
UNKNOWN = "this Temporal server keeps no heartbeats of workers: slots, versions and starts are unknown"


async def list_(connection: Limited, queues: tuple[str, ...]) -> Result[list[worker_results.WorkerProcess]]:
    """The workers that serve one of these task queues, or all."""
    for queue in queues:
        if problem := task_queue_problem(base_of(queue)):
            raise UsageError(f"--queue: {queue!r}: {problem}", hint="list them with: mftctl queues list")
    client = await open_client(connection, connection.settings())
    notes: list[str] = []
    names = list(queues) or list(await used_queues(client, notes))
    states = await read_states(client, names, backlogs=False)
    found, heartbeats = await list_workers(client, states)
    rows = [row(one) for one in found if not queues or not set(queues).isdisjoint(one.task_queues)]
    if not heartbeats:
        notes.append(UNKNOWN)
    if not rows:
        where = f" of {', '.join(queues)}" if queues else ""
        notes.append(f"there are no workers{where}; start one with: mftctl worker --all")
    return Result(rows, worker_results.table(rows), [one.identity for one in rows], tuple(notes))


def row(found: Worker) -> worker_results.WorkerProcess:
    """A worker as a row of the list."""
    free = None
    if found.slots is not None and found.used is not None:
        free = max(found.slots - found.used, 0) if found.state == "running" else 0
    return worker_results.WorkerProcess(
        identity=found.identity,
        state=found.state,
        host=found.host,
        process_id=found.process_id,
        task_queues=found.task_queues,
        cpu=found.machine.cpu if found.machine else None,
        memory=found.machine.memory if found.machine else None,
        gpu=found.machine.gpu if found.machine else None,
        slots=found.slots,
        slots_used=found.used,
        slots_free=free,
        version=found.version,
        sdk_version=found.sdk,
        worker_version=found.worker_version,
        started=exact(found.started),
        last_seen=exact(found.last_seen),
    )
