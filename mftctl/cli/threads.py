"""Work in threads that nobody has to wait for when the process is to end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """Begin work in a daemon thread; its result, as a future of this loop."""
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
