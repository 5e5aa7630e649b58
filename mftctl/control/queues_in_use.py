"""The task queues that deployments, their steps or open runs use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from temporalio.client import Client

from ..model.manifest import Manifest
from .runs import lookup

#: Open runs that are read at most.
MAX_RUNS = lookup.PAGE


@dataclass
class QueueUse:
    """The deployments whose tasks go to a task queue, and the number of open runs on it."""

    deployments: list[str] = field(default_factory=list)
    runs: int = 0


async def queues_in_use(
    client: Client, manifests: Iterable[Manifest], on_bound: Callable[[int], None] = lambda _: None
) -> dict[str, QueueUse]:
    """The task queues of these deployments, of their steps and of open runs, by name.

    Costs one request, and another one for each thousand of open runs. ``on_bound`` is called with MAX_RUNS where there
    may be more open runs than that.
    """
    found: defaultdict[str, QueueUse] = defaultdict(QueueUse)
    for manifest in manifests:
        for queue in (manifest.task_queue, *manifest.step_queues):
            found[queue].deployments.append(manifest.deployment)
    runs = await lookup.list_runs(client, statuses=("running", "paused"), limit=MAX_RUNS)
    for run in runs:
        found[run.task_queue].runs += 1
    if len(runs) == MAX_RUNS:
        on_bound(MAX_RUNS)
    return dict(sorted(found.items()))
