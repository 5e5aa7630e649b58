"""Slots and resources for tasks, shared by all task queues of a worker and reserved before it polls.

A poll promises to start the task that it returns. On an empty task queue it stays open for a minute and cannot be
withdrawn: with fewer slots than task queues, a poll cannot hold a slot for that long, or empty queues would block the
others. So a poll holds a slot only for a moment, in which a queue with a backlog answers. No poll starts while tasks
have all slots. One that is still open may return one task more, which is given back (``task_activity.py``).

What a task needs of the machine follows from its task queue (``model/resources.py``), and is reserved in the same way.
A task that asks for nothing takes the cores of a slot.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
)

from ..engine.notification import POST
from ..model.resources import NOTHING, Resources, needs_of

#: Seconds in which a poll returns a task of the backlog; later it returns only new ones.
ANSWERS = 0.1


@dataclass(eq=False)
class _Poll:
    """A poll that started at ``since``, or the slot of an ``eager`` task; ``used``: it has returned a task."""

    queue: str
    needs: Resources
    since: float
    eager: bool = False
    used: bool = False


class Permit(SlotPermit):
    """Permission to poll. A worker that shuts down may drop one without releasing it."""

    def __init__(self, poll: _Poll, lost: Callable[[_Poll], None]) -> None:
        self.poll = poll
        self._lost = lost

    def __del__(self) -> None:
        self._lost(self.poll)


class Slots(CustomSlotSupplier):
    """``limit`` slots, for polls and tasks, of a ``machine``. The SDK calls it from threads of its own."""

    def __init__(self, limit: int, machine: Resources | None = None) -> None:
        self.limit = limit
        #: Without a limit of its own, the machine has what its slots need.
        self._machine = machine or Resources(float(limit))
        self._usual = Resources(self._machine.cpu / limit)
        self._taken = NOTHING
        self._lock = threading.RLock()
        self._polls: set[_Poll] = set()
        self._asking: dict[str, deque[asyncio.Future[Permit]]] = {}
        self._granted = 0
        self._turns: Counter[str] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._running = 0
        self._waiting: deque[tuple[Resources, asyncio.Future[None]]] = deque()

    @property
    def used(self) -> int:
        """Slots that tasks have."""
        return self._running

    async def reserve_slot(self, ctx: SlotReserveContext) -> Permit:
        """Wait for permission to poll."""
        self._loop = asyncio.get_running_loop()
        asked: asyncio.Future[Permit] = self._loop.create_future()
        with self._lock:
            self._asking.setdefault(ctx.task_queue, deque()).append(asked)
        self._grant()
        return await asked

    def try_reserve_slot(self, ctx: SlotReserveContext) -> Permit | None:
        """Permission for an eager task, if a slot is free that no poll may fill."""
        with self._lock:
            needs = self.needs(ctx.task_queue)
            if len(self._polls) >= self.limit or not needs.fits(self._free(self._polls)):
                return None
            return self._permit(_Poll(ctx.task_queue, needs, time.monotonic(), eager=True))

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """Note that a poll has returned a task. A notification needs no slot: its receiver may take long to answer."""
        assert isinstance(ctx.permit, Permit)
        if getattr(ctx.slot_info, "activity_type", None) == POST:
            self._forget(ctx.permit.poll)
            return
        ctx.permit.poll.used = True
        self._wake()

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """Release the slot: its task has ended, or the poll returned none."""
        assert isinstance(ctx.permit, Permit)
        self._forget(ctx.permit.poll)

    def needs(self, queue: str) -> Resources:
        """What a task of this task queue takes of the machine."""
        return needs_of(queue) or self._usual

    async def begin(self, needs: Resources, patience: float | None = None) -> bool:
        """Take a slot for a task; False when there is none, or too little else, within ``patience`` seconds."""
        self._waiting = deque(one for one in self._waiting if not one[1].done())
        if not self._waiting and self._has_room(needs):
            self.begin_beyond(needs)
            return True
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((needs, turn))
        try:
            await asyncio.wait([turn], timeout=patience)
        except asyncio.CancelledError:
            if turn.cancel():
                self._start_waiting()
            else:
                self.end(needs)
            raise
        if not turn.cancel():
            return True
        # Who stands behind it may need less.
        self._start_waiting()
        return False

    def begin_beyond(self, needs: Resources) -> None:
        """Start a task without a free slot, because it must not wait longer."""
        self._running += 1
        self._taken += needs

    def end(self, needs: Resources) -> None:
        """Free the slot, and start the tasks that wait for it, in their order."""
        self._running -= 1
        self._taken -= needs
        self._start_waiting()

    def _start_waiting(self) -> None:
        while self._waiting:
            waiting, turn = self._waiting[0]
            if not turn.done():
                if not self._has_room(waiting):
                    return
                self.begin_beyond(waiting)
                turn.set_result(None)
            self._waiting.popleft()

    def _has_room(self, needs: Resources) -> bool:
        return self._running < self.limit and needs.fits(self._machine - self._taken)

    def _grant(self) -> None:
        """Grant polls in turn, and again when open polls no longer hold slots."""
        with self._lock:
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None
            self._asking = {queue: left for queue, asked in self._asking.items() if (left := _open(asked))}
            now = time.monotonic()
            while (queue := self._next(now)) is not None:
                asked = self._asking[queue].popleft()
                if not self._asking[queue]:
                    del self._asking[queue]
                self._granted += 1
                self._turns[queue] = self._granted
                asked.set_result(self._permit(_Poll(queue, self.needs(queue), now)))
            counting = [poll.since for poll in self._polls if _counts(poll, now) and not poll.used]
            if self._asking and counting and self._loop is not None:
                self._alarm = self._loop.call_later(min(counting) + ANSWERS - now, self._grant)

    def _next(self, now: float) -> str | None:
        """The task queue to poll now: the waiting one that was granted longest ago."""
        counting = [poll for poll in self._polls if _counts(poll, now)]
        if len(counting) >= self.limit:
            return None
        now_free, always_free = self._free(counting), self._free(self._polls)
        open_ = Counter(poll.queue for poll in self._polls if not poll.used)

        def may_poll(queue: str) -> bool:
            # Several polls of one task queue only with a slot, and what its tasks need, for each.
            needs = self.needs(queue)
            if open_[queue] and (len(self._polls) >= self.limit or not needs.fits(always_free)):
                return False
            return needs.fits(now_free)

        may = [queue for queue in self._asking if may_poll(queue)]
        return min(may, key=lambda queue: self._turns[queue], default=None)

    def _free(self, polls: Iterable[_Poll]) -> Resources:
        return self._machine - sum((poll.needs for poll in polls), NOTHING)

    def _permit(self, poll: _Poll) -> Permit:
        self._polls.add(poll)
        return Permit(poll, self._lost)

    def _lost(self, poll: _Poll) -> None:
        """Release a dropped permit; the garbage collector calls this at any time."""
        if poll in self._polls and self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._forget, poll)

    def _forget(self, poll: _Poll) -> None:
        with self._lock:
            self._polls.discard(poll)
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._grant)


def _counts(poll: _Poll, now: float) -> bool:
    return poll.used or poll.eager or now - poll.since < ANSWERS


def _open(asked: deque[asyncio.Future[Permit]]) -> deque[asyncio.Future[Permit]]:
    return deque(one for one in asked if not one.done())
