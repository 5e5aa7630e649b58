"""Parts of wide foreaches: child workflows that run some of the splits, with slots that their parent gives them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

from temporalio import workflow
from temporalio.exceptions import FailureError

from ..model import ids
from .payloads import RunInput
from .plan import SplitRange

_Handle = workflow.ChildWorkflowHandle[Any, Any]
#: The patches that added ``_tell_in_turn`` and ``all_started``.
IN_TURN, AWAITS_STARTING = "pauses-in-turn", "awaits-starting-parts"
#: The signal with which a part gives slots back: its workflow's id, and their number.
SLOTS_SIGNAL = "slots_given_back"


def part_id(splits: SplitRange, generation: int) -> str:
    """Id of the part's workflow; ``generation`` of the run."""
    place = splits.step, splits.parent.path, splits.low
    return ids.foreach_id(workflow.info().workflow_id, *place, generation)


async def give_back_slots(parent: str, number: int) -> None:
    """Tell the ``parent`` workflow that this part needs that many slots less."""
    handle = workflow.get_external_workflow_handle(parent)
    with contextlib.suppress(FailureError):  # it has ended
        await handle.signal(SLOTS_SIGNAL, args=[workflow.info().workflow_id, number])


class Parts:
    """The parts of a workflow that are open; ``paused``: whether they are to start no new task."""

    def __init__(self, paused: bool) -> None:
        self.paused = paused
        self._starting = 0
        #: Whether each was told to be paused.
        self._open: dict[_Handle, bool] = {}
        self._telling = asyncio.Lock()
        self._sending: list[asyncio.Task[None]] = []

    async def run(self, given: RunInput, splits: SplitRange, slots: int) -> Any:
        """Run the part of the run ``given`` that runs the ``splits``, up to ``slots`` tasks at once; its result."""
        paused = self.paused
        self._starting += 1
        try:
            part = await _start(given, splits, slots, paused=paused)
        finally:
            self._starting -= 1
        self._open[part] = paused
        try:
            if self.paused != paused:  # paused or continued while it was started
                if workflow.patched(IN_TURN):
                    # Apart: the SDK keeps a cancellation to itself that comes while a signal is sent.
                    self._sending.append(asyncio.create_task(self._tell_in_turn()))
                else:
                    await _send_pause(part, self.paused)
            return await part
        finally:
            del self._open[part]

    async def tell(self) -> None:
        """Tell them whether they are paused."""
        if workflow.patched(IN_TURN):
            await self._tell_in_turn()
            return
        for part in list(self._open):
            await _send_pause(part, self.paused)

    async def all_started(self) -> None:
        """Wait for parts that are being started: who is cancelled meanwhile would not wait for the part's end."""
        while self._starting and workflow.patched(AWAITS_STARTING):
            with contextlib.suppress(asyncio.CancelledError):
                await workflow.wait_condition(lambda: not self._starting)

    async def _tell_in_turn(self) -> None:
        # One signal after the other: what is sent at once may come in another order.
        async with self._telling:
            for part in list(self._open):
                if self._open.get(part, self.paused) != self.paused:
                    self._open[part] = paused = self.paused
                    await _send_pause(part, paused)


async def _start(given: RunInput, splits: SplitRange, slots: int, *, paused: bool) -> _Handle:
    part = replace(given, scope=splits, slots=slots, state=None, parameters={}, paused=paused)
    return await workflow.start_child_workflow(
        ids.foreach_type(given.manifest.flow),
        part.to_plain(),
        id=part_id(splits, given.generation),
        cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        static_summary=f"{splits.step}[{splits.low}-{splits.high - 1}]",
    )


async def _send_pause(part: _Handle, paused: bool) -> None:
    with contextlib.suppress(FailureError):  # it has ended
        await part.signal("pause", paused)
