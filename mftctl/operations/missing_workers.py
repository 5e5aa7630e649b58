"""Task queues without a worker: whether a deployment has such, and how to say it and what to do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from temporalio.client import Client
from temporalio.service import RPCError

from ..control.pollers import Polling, find_pollers
from ..model import ids
from ..model.manifest import Manifest
from ..model.resources import base_of, needs_of, queue_text


@dataclass(frozen=True)
class Served:
    """Whether a worker polls the deployment's task queue, and a warning for each queue, also of steps, without one.

    ``worker`` is None where the server did not tell, which is a warning, too.
    """

    worker: bool | None
    warnings: tuple[str, ...]


async def look_for_workers(client: Client, manifest: Manifest, start: str = "") -> Served:
    """Ask the server who polls the task queues of a deployment and of its steps. Raises nothing of the server.

    ``start``: the command that starts a worker of the deployment, unless it is one of mftctl.
    """
    queues = [manifest.task_queue, *manifest.step_queues]
    try:
        own, *others = await asyncio.gather(*(find_pollers(client, one) for one in queues))
    except RPCError as error:
        # What was asked for, such as the start of a run, has been done.
        return Served(None, (f"the server does not say whether a worker serves it: {error.message}",))
    worker = own.served
    warnings = [] if worker else [no_worker(manifest.deployment, manifest.task_queue, own, start=start)]
    for (queue, steps), polling in zip(manifest.step_queues.items(), others, strict=True):
        if not polling.served:
            of = f"step{'s' if len(steps) > 1 else ''} {', '.join(steps)}"
            todo = start_worker(queue, polling)
            warnings.append(f"no worker serves task queue {queue_text(queue)} of {of}; {todo}")
    return Served(worker, tuple(warnings))


def no_worker(deployment: str, task_queue: str, polling: Polling, version: str = "", start: str = "") -> str:
    """The warning that no worker serves a deployment, or its run that stays on a ``version`` of workers.

    ``start``: the command that starts a worker, unless it is one of mftctl.
    """
    if polling.unpromoted and not version:
        return f"no worker takes new runs of {deployment}, as {_unpromoted(polling)}"
    # `mftctl worker NAME` serves the deployment's task queue; a run may have another.
    own = task_queue == ids.task_queue(deployment)
    start = start or f"mftctl worker {deployment if own else f'--queue {base_of(task_queue)}'}"
    version = version or polling.wanted
    of = f" of version {version}" if version else ""
    return f"no worker{of} serves {deployment}; start one with: {start}{_version(version)}"


def start_worker(task_queue: str, polling: Polling, version: str = "") -> str:
    """How a task queue gets a worker for what is new there, or for what stays on a ``version``."""
    if polling.unpromoted and not version:
        return _unpromoted(polling)
    where = "" if needs_of(task_queue) is None else ", on a machine that has this"
    return f"start one with: mftctl worker --queue {base_of(task_queue)}{_version(version or polling.wanted)}{where}"


def _unpromoted(polling: Polling) -> str:
    if len(polling.unpromoted) == 1:
        (name,) = polling.unpromoted
        return f"version {name} is not promoted: mftctl workers promote {name}"
    return f"versions {', '.join(polling.unpromoted)} are not promoted: mftctl workers promote VERSION"


def _version(version: str) -> str:
    return f" --deployment-version {version}" if version else ""
