"""Makes known which task queues there are for tasks that need more than a slot.

A worker has to poll such a task queue by its name, and no list of Temporal's shows task queues. So each is registered
once, when a deployment first needs it: as a paused Schedule that starts nothing, whose id contains the name.
"""

from __future__ import annotations

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleSpec,
    ScheduleState,
)

from ..model import ids
from ..model.manifest import Manifest
from ..model.resources import base_of, needs_of


async def make_known(client: Client, manifest: Manifest) -> None:
    """Make the task queues known that tasks of this flow need; those that are known stay as they are."""
    for queue in manifest.step_queues:
        if needs_of(queue) is None:
            continue
        note = f"Workers read here that tasks of task queue {base_of(queue)} need {needs_of(queue)}."
        action = ScheduleActionStartWorkflow("mftctl.nothing", id="mftctl.nothing", task_queue=queue)
        schedule = Schedule(action=action, spec=ScheduleSpec(), state=ScheduleState(note=note, paused=True))
        try:
            await client.create_schedule(ids.resource_schedule_id(queue), schedule)
        except ScheduleAlreadyRunningError:
            continue
