"""Whether workers poll the task queues that the tasks of a run wait in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from temporalio.client import Client

from ..control.pollers import has_worker, unpromoted_versions
from ..model.manifest import Manifest
from ..model.resources import queue_text
from .queue_operations import start_worker
from .selection import unserved


@dataclass(frozen=True)
class Served:
    """Whether a worker polls the deployment's task queue, and a warning for each queue, also of steps, without one."""

    worker: bool
    warnings: tuple[str, ...]


async def look_for_workers(client: Client, manifest: Manifest) -> Served:
    """Ask the server who polls the task queues of a deployment and of its steps."""
    queues = [manifest.task_queue, *manifest.step_queues]
    polled = dict(
        zip(queues, await asyncio.gather(*(has_worker(client, one) for one in queues)), strict=True)
    )
    worker = polled[manifest.task_queue]
    warnings = [] if worker else [await why_unserved(client, manifest.deployment, manifest.task_queue)]
    for queue, steps in manifest.step_queues.items():
        if not polled[queue]:
            of = f"step{'s' if len(steps) > 1 else ''} {', '.join(steps)}"
            warnings.append(f"no worker serves task queue {queue_text(queue)} of {of}; {start_worker(queue)}")
    return Served(worker, tuple(warnings))


async def why_unserved(client: Client, deployment: str, task_queue: str, version: str = "") -> str:
    """The warning that no worker serves a deployment, or its run that stays on the ``version`` of workers.

    It names the workers that are there, and are of a version that takes no new run.
    """
    unpromoted = [] if version else await unpromoted_versions(client, task_queue)
    return unserved(deployment, version, unpromoted)
