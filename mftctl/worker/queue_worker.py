"""The SDK's worker for one task queue, which is restarted when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

#: Seconds until a failed worker is restarted: the first delay, which doubles up to the longest.
FIRST, LONGEST = 1.0, 60.0
#: Seconds after which a worker that was restarted counts as one that polls.
SETTLED = 5.0


class _SdkWorker(Protocol):
    async def run(self) -> None: ...

    async def shutdown(self) -> None: ...


W = TypeVar("W", bound=_SdkWorker)

#: Makes an SDK's worker, which calls the function that it is given as soon as it can poll no more.
Make = Callable[[Callable[[BaseException], Awaitable[None]]], W]


class QueueWorker(Generic[W]):
    """Serves a task queue. An error, such as a missing permission, does not affect other task queues.

    A worker that can poll no more finishes its running tasks beside the next one. ``discard`` gets each that has ended
    with an error.
    """

    def __init__(
        self,
        queue: str,
        make: Make[W],
        report: Callable[[str], None],
        discard: Callable[[W], None] = lambda _: None,
    ) -> None:
        self._queue = queue
        self._make = make
        self._report = report
        self._discard = discard
        self._finishing: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._worker: W | None = None
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
        await asyncio.gather(*self._finishing, return_exceptions=True)

    async def _serve(self) -> None:
        delay = FIRST
        while not self._stopping.is_set():
            self._began = asyncio.get_running_loop().time()
            try:
                await self._run()
            except Exception as error:  # noqa: BLE001 - logged and retried
                if asyncio.get_running_loop().time() - self._began > LONGEST:
                    delay = FIRST
                self._problem = f"the task queue {self._queue} cannot be served: {error}"
                self._report(f"{self._problem}; retry in {delay:g} s")
                self._worker = None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            delay = min(delay * 2, LONGEST)

    async def _run(self) -> None:
        """Run an SDK's worker until it has ended or can poll no more; raises why."""
        failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

        async def fail(error: BaseException) -> None:
            if not failed.done():
                failed.set_result(error)

        self._worker = worker = self._make(fail)
        running = asyncio.create_task(worker.run())
        either: list[asyncio.Future[Any]] = [running, failed]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            self._finishing.add(running)
            running.add_done_callback(self._finished)
            raise failed.result()
        try:
            await running
        except BaseException:
            self._discard(worker)
            raise

    def _finished(self, running: asyncio.Task[None]) -> None:
        self._finishing.discard(running)
        if not running.cancelled():
            running.exception()  # it was reported when the worker could poll no more
