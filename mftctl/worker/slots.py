"""Slots for tasks, shared by all task queues of a worker and handed out before it polls.

A poll is a promise to begin what comes. It stays open for a minute where a task queue is empty, and cannot be taken
back: with fewer slots than task queues no poll can hold a slot for so long, or an empty queue would keep the others
waiting. So a poll counts as a slot for a moment only, within which a queue with a backlog answers. While tasks have all
slots, no poll begins. One that is open by then may bring one task more, which is given back (``activity.py``).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
)

#: Seconds within which a poll brings what waits in its task queue; later it brings only what is new.
ANSWERS = 0.1


@dataclass(eq=False)
class _Poll:
    """A poll since ``since``, or an ``eager`` task that the server may give without one; ``used``: a task has come."""

    queue: str
    since: float
    eager: bool = False
    used: bool = False


class Permit(SlotPermit):
    """Leave to poll. A worker that shuts down may forget one that it has just been given."""

    def __init__(self, poll: _Poll, lost: Callable[[_Poll], None]) -> None:
        self.poll = poll
        self._lost = lost

    def __del__(self) -> None:
        self._lost(self.poll)


class Slots(CustomSlotSupplier):
    """``limit`` slots: who may poll, and what may run. The SDK asks from threads of its own."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.RLock()
        self._polls: set[_Poll] = set()
        self._asking: dict[str, deque[asyncio.Future[Permit]]] = {}
        self._granted = 0
        self._turns: Counter[str] = Counter()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def reserve_slot(self, ctx: SlotReserveContext) -> Permit:
        """Wait for leave to poll."""
        self._loop = asyncio.get_running_loop()
        asked: asyncio.Future[Permit] = self._loop.create_future()
        with self._lock:
            self._asking.setdefault(ctx.task_queue, deque()).append(asked)
        self._grant()
        return await asked

    def try_reserve_slot(self, ctx: SlotReserveContext) -> Permit | None:
        """Leave to take a task without a poll, where a slot is free that no poll may fill."""
        with self._lock:
            if len(self._polls) >= self.limit:
                return None
            return self._permit(_Poll(ctx.task_queue, time.monotonic(), eager=True))

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """A task has come."""
        assert isinstance(ctx.permit, Permit)
        ctx.permit.poll.used = True
        self._wake()

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        """Its task has ended, or none has come."""
        assert isinstance(ctx.permit, Permit)
        self._forget(ctx.permit.poll)

    async def begin(self, patience: float | None = None) -> bool:
        """Take a slot for a task that has come; False when none is free for ``patience`` seconds."""
        if self._running < self.limit:
            self._running += 1
            return True
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait([turn], timeout=patience)
        except asyncio.CancelledError:
            if not turn.cancel():
                self.end()
            raise
        return not turn.cancel()

    def begin_beyond(self) -> None:
        """Begin a task for which no slot is free, and that must not wait any longer."""
        self._running += 1

    def end(self) -> None:
        """Give a slot to whoever waits for one."""
        while self._waiting and self._running <= self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._running -= 1

    def _grant(self) -> None:
        """Give leave to poll, in turn; and again once polls do not count any more."""
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
                asked.set_result(self._permit(_Poll(queue, now)))
            counting = [poll.since for poll in self._polls if _counts(poll, now) and not poll.used]
            if self._asking and counting and self._loop is not None:
                self._alarm = self._loop.call_later(min(counting) + ANSWERS - now, self._grant)

    def _next(self, now: float) -> str | None:
        """The task queue that may be polled now: of those that ask, the one whose turn was longest ago."""
        if sum(_counts(poll, now) for poll in self._polls) >= self.limit:
            return None
        open_ = Counter(poll.queue for poll in self._polls if not poll.used)
        # More than one poll of a task queue only where there is a slot for each.
        may = [queue for queue in self._asking if not open_[queue] or len(self._polls) < self.limit]
        return min(may, key=lambda queue: self._turns[queue], default=None)

    def _permit(self, poll: _Poll) -> Permit:
        self._polls.add(poll)
        return Permit(poll, self._lost)

    def _lost(self, poll: _Poll) -> None:
        """Called by the garbage collector, in the middle of anything."""
        if poll in self._polls and self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._forget, poll)

    def _forget(self, poll: _Poll) -> None:
        with self._lock:
            self._polls.discard(poll)
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and with it whoever asked
                self._loop.call_soon_threadsafe(self._grant)


def _counts(poll: _Poll, now: float) -> bool:
    return poll.used or poll.eager or now - poll.since < ANSWERS


def _open(asked: deque[asyncio.Future[Permit]]) -> deque[asyncio.Future[Permit]]:
    return deque(one for one in asked if not one.done())
