"""The SDK's worker for one task queue, which is restarted when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

#: Seconds until a failed worker is restarted: the first delay, which doubles up to the longest.
FIRST, LONGEST = 1.0, 60.0
#: Seconds after which a worker that was restarted counts as one that polls.
SETTLED = 5.0


class _SdkWorker(Protocol):
    async def run(self) -> None: ...

    async def shutdown(self) -> None: ...


class QueueWorker:
    """Serves a task queue. An error, such as a missing permission, does not affect other task queues."""

    def __init__(self, queue: str, make: Callable[[], _SdkWorker], report: Callable[[str], None]) -> None:
        self._queue = queue
        self._make = make
        self._report = report
        self._stopping = asyncio.Event()
        self._worker: _SdkWorker | None = None
        self._problem = ""
        self._began = 0.0
        self._serving = asyncio.create_task(self._serve())

    @property
    def problem(self) -> str:
        """Why the task queue is not polled now; empty if it is."""
        settled = self._worker is not None and asyncio.get_running_loop().time() - self._began > SETTLED
        return "" if settled else self._problem

    async def stop(self) -> None:
        """Take no new task, and wait for the running ones."""
        self._stopping.set()
        if self._worker is not None:
            with suppress(Exception):  # `_serve` reports it
                await self._worker.shutdown()
        await self._serving

    async def _serve(self) -> None:
        delay = FIRST
        while not self._stopping.is_set():
            self._began = asyncio.get_running_loop().time()
            try:
                self._worker = self._make()
                await self._worker.run()
            except Exception as error:  # noqa: BLE001 - logged and retried
                if asyncio.get_running_loop().time() - self._began > LONGEST:
                    delay = FIRST
                self._problem = f"the task queue {self._queue} cannot be served: {error}"
                self._report(f"{self._problem}; retry in {delay:g} s")
                self._worker = None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            delay = min(delay * 2, LONGEST)
