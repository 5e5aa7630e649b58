"""Parts of wide foreaches: child workflows that run some of the splits, with slots that their parent gives them."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from temporalio import workflow
from temporalio.exceptions import FailureError

from ..model import ids
from .payloads import RunInput
from .plan import SplitRange

#: The signal with which a part gives slots back: its workflow's id, and their number.
SLOTS_SIGNAL = "slots_given_back"


def part_id(splits: SplitRange, generation: int) -> str:
    """Id of the part's workflow; ``generation`` of the run."""
    place = splits.step, splits.parent.path, splits.low
    return ids.foreach_id(workflow.info().workflow_id, *place, generation)


async def start_part(
    given: RunInput, splits: SplitRange, slots: int, *, paused: bool
) -> workflow.ChildWorkflowHandle[Any, Any]:
    """Start the part of the run ``given`` that runs the ``splits``, up to ``slots`` tasks at once."""
    part = replace(given, scope=splits, slots=slots, state=None, parameters={}, paused=paused)
    return await workflow.start_child_workflow(
        ids.foreach_type(given.manifest.flow),
        part.to_plain(),
        id=part_id(splits, given.generation),
        cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        static_summary=f"{splits.step}[{splits.low}-{splits.high - 1}]",
    )


async def send_pause(part: workflow.ChildWorkflowHandle[Any, Any], paused: bool) -> None:
    """Let a part start no new task, or continue."""
    with contextlib.suppress(FailureError):  # it has ended
        await part.signal("pause", paused)


async def give_back_slots(parent: str, number: int) -> None:
    """Tell the ``parent`` workflow that this part needs that many slots less."""
    handle = workflow.get_external_workflow_handle(parent)
    with contextlib.suppress(FailureError):  # it has ended
        await handle.signal(SLOTS_SIGNAL, args=[workflow.info().workflow_id, number])
