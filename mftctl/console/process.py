"""What a long-lived command needs of its process: signals that stop it, threads, garbage collection."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
#: Seconds in which several signals count as one: a supervisor may send to the process and to its group.
TOGETHER = 0.2
#: Ctrl-C, a supervisor's request, and the end of the terminal.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Futures ``first`` and ``second``: done when SIGINT, SIGTERM or SIGHUP came once (stop) and twice (stop now).

    Their results are the signal's number; the exit code is 128 more.
    SIGHUP stays ignored where the parent process ignores it (nohup).
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.first: asyncio.Future[int] = self._loop.create_future()
        self.second: asyncio.Future[int] = self._loop.create_future()
        self._last = float("-inf")
        for number in ENDING:
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue
            self._loop.add_signal_handler(number, self._received, number)

    def _received(self, number: int) -> None:
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


def in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """Begin work in a daemon thread, which does not keep the process alive; a future of its result."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(give: Callable[..., None], value: object) -> None:
        def set_it() -> None:
            if not future.done():
                give(value)

        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(set_it)

    def target() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - handed on
            settle(future.set_exception, error)
        else:
            settle(future.set_result, value)

    threading.Thread(target=target, daemon=True).start()
    return future


def collect_garbage() -> None:
    """Collect garbage from here on, but not what was imported so far (see ``__main__.main``)."""
    gc.freeze()
    gc.enable()
