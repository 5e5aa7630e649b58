"""Signals that ask a long-lived command to stop: the first kindly, the second firmly."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from ..model.errors import Exit

#: One request may come as several signals: a supervisor may send to the process and to its group.
TOGETHER = 0.2
#: Ctrl-C, a supervisor's request, and the end of the terminal.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Futures ``first`` and ``second``, done when SIGINT, SIGTERM or SIGHUP has come once and twice.

    A hangup that whoever started us lets be ignored (nohup) stays ignored.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.first: asyncio.Future[int] = self._loop.create_future()
        self.second: asyncio.Future[int] = self._loop.create_future()
        self._last = float("-inf")
        for number in ENDING:
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue
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
    return {signal.SIGINT: Exit.INTERRUPTED, signal.SIGHUP: Exit.HUNG_UP}.get(
        signal.Signals(number), Exit.TERMINATED
    )
