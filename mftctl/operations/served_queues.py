"""Whether workers poll the task queues that the tasks of a run wait in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from temporalio.client import Client

from ..control.pollers import find_pollers
from ..model.manifest import Manifest
from ..model.resources import queue_text
from .queue_operations import start_worker
from .selection import unserved


@dataclass(frozen=True)
class Served:
    """Whether a worker polls the deployment's task queue, and a warning for each queue, also of steps, without one."""

    worker: bool
    warnings: tuple[str, ...]


async def look_for_workers(client: Client, manifest: Manifest, start: str = "") -> Served:
    """Ask the server who polls the task queues of a deployment and of its steps.

    ``start``: the command that starts a worker of the deployment (default: `mftctl worker DEPLOYMENT`).
    """
    queues = [manifest.task_queue, *manifest.step_queues]
    own, *others = await asyncio.gather(*(find_pollers(client, one) for one in queues))
    worker = bool(own.pollers)
    warnings = [] if worker else [unserved(manifest.deployment, "", own.unpromoted, start)]
    for (queue, steps), polling in zip(manifest.step_queues.items(), others, strict=True):
        if not polling.pollers:
            of = f"step{'s' if len(steps) > 1 else ''} {', '.join(steps)}"
            todo = start_worker(queue, polling.unpromoted)
            warnings.append(f"no worker serves task queue {queue_text(queue)} of {of}; {todo}")
    return Served(worker, tuple(warnings))
