"""Signals that ask a long-lived command to stop: the first kindly, the second firmly."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from ..errors import Exit

#: One request may come as several signals: a supervisor may send to the process and to its group.
TOGETHER = 0.2


class Signals:
    """Futures ``first`` and ``second``, done when SIGINT or SIGTERM has come once and twice."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.first: asyncio.Future[int] = self._loop.create_future()
        self.second: asyncio.Future[int] = self._loop.create_future()
        self._last = float("-inf")
        for number in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(number, self._heard, number)

    def _heard(self, number: int) -> None:
        now = self._loop.time()
        if now - self._last < TOGETHER:
            return
        self._last = now
        future = self.second if self.first.done() else self.first
        if not future.done():
            future.set_result(number)


async def first_of(*waiting: asyncio.Future[Any]) -> None:
    """Wait until one of them is done."""
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


def interrupted_by(number: int) -> Exit:
    """The exit code of a command that a signal has ended."""
    return Exit.INTERRUPTED if number == signal.SIGINT else Exit.TERMINATED
