"""One task queue of a worker: what becomes of it is nothing to the others."""

from __future__ import annotations

import asyncio

import pytest

from mftctl.worker import queue_worker
from mftctl.worker.queue_worker import QueueWorker


class StandIn:
    """The SDK's worker: runs until it is shut down and its task is done, or dies."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.task_done = asyncio.Event()
        self._down = asyncio.Event()
        self.runs = asyncio.Event()

    async def run(self) -> None:
        if self._error is not None:
            raise self._error
        self.runs.set()
        await self._down.wait()
        await self.task_done.wait()

    async def shutdown(self) -> None:
        self._down.set()
        await self.task_done.wait()


def test_a_task_queue_whose_worker_dies_is_served_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a worker of its own each time, after a while that grows, and with what went wrong said."""
    monkeypatch.setattr(queue_worker, "FIRST", 0.01)

    async def checked() -> None:
        said: list[str] = []
        third = StandIn()
        made = iter([StandIn(RuntimeError("no permission")), StandIn(OSError("gone")), third])
        queue = QueueWorker("q", lambda: next(made), said.append)
        await third.runs.wait()
        assert [one.partition("; ")[0] for one in said] == [
            "the task queue q cannot be served: no permission",
            "the task queue q cannot be served: gone",
        ]
        third.task_done.set()
        await queue.stop()

    asyncio.run(asyncio.wait_for(checked(), 10))


def test_leaving_waits_for_running_tasks() -> None:
    """A task queue that is dropped is left when its last task is done, and not served again."""

    async def waited() -> None:
        worker = StandIn()
        queue = QueueWorker("q", lambda: worker, print)
        await worker.runs.wait()
        leaving = asyncio.create_task(queue.stop())
        await asyncio.sleep(0.02)
        assert not leaving.done()
        worker.task_done.set()
        await leaving

    asyncio.run(asyncio.wait_for(waited(), 10))


def test_a_task_queue_that_cannot_be_served_can_be_left() -> None:
    """At once, also between two tries."""

    async def checked() -> None:
        def make() -> StandIn:
            raise ValueError("no such namespace")

        said: asyncio.Queue[str] = asyncio.Queue()
        queue = QueueWorker("q", make, said.put_nowait)
        assert "no such namespace" in await said.get()
        await queue.stop()
        await QueueWorker("q", make, said.put_nowait).stop()
        assert said.empty()

    asyncio.run(asyncio.wait_for(checked(), 0.9))
