"""A task queue that is served: the SDK's worker for it, which is made anew when it dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

#: Seconds until a task queue whose worker died is served again; twice as long each time that it dies soon.
FIRST, LONGEST = 1.0, 60.0


class _SdkWorker(Protocol):
    async def run(self) -> None: ...

    async def shutdown(self) -> None: ...


class QueueWorker:
    """Serves a task queue from now on. An error of one, a permission that is missing perhaps, is none of the others."""

    def __init__(self, queue: str, make: Callable[[], _SdkWorker], say: Callable[[str], None]) -> None:
        self._queue = queue
        self._make = make
        self._say = say
        self._leaving = asyncio.Event()
        self._worker: _SdkWorker | None = None
        self._serving = asyncio.create_task(self._serve())

    async def leave(self) -> None:
        """Take no new task, and let the running ones finish."""
        self._leaving.set()
        if self._worker is not None:
            with suppress(Exception):  # which is told by whoever waits for its run
                await self._worker.shutdown()
        await self._serving

    async def _serve(self) -> None:
        delay = FIRST
        while not self._leaving.is_set():
            began = asyncio.get_running_loop().time()
            try:
                self._worker = self._make()
                await self._worker.run()
            except Exception as error:  # noqa: BLE001 - said, and tried again
                if asyncio.get_running_loop().time() - began > LONGEST:
                    delay = FIRST
                self._say(f"the task queue {self._queue} cannot be served: {error}; next try in {delay:g} s")
                self._worker = None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), delay)
            delay = min(delay * 2, LONGEST)
