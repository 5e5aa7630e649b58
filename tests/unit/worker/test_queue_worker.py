"""One task queue of a worker: what becomes of it is nothing to the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mftctl.worker import queue_worker
from mftctl.worker.queue_worker import QueueWorker


class StandIn:
    """The SDK's worker: runs until it is shut down and its task is done, or dies."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.failed: Callable[[BaseException], Awaitable[None]] | None = None
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

    async def shutdown_and_done(self) -> None:
        self.task_done.set()
        await self.shutdown()


def test_a_task_queue_whose_worker_dies_is_served_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a worker of its own each time, after a while that grows, and with what went wrong said."""
    monkeypatch.setattr(queue_worker, "FIRST", 0.01)

    async def checked() -> None:
        said: list[str] = []
        third = StandIn()
        made = iter([StandIn(RuntimeError("no permission")), StandIn(OSError("gone")), third])
        queue = QueueWorker("q", lambda _: next(made), said.append)
        await third.runs.wait()
        assert [one.partition("; ")[0] for one in said] == [
            "the task queue q cannot be served: no permission",
            "the task queue q cannot be served: gone",
        ]
        third.task_done.set()
        await queue.stop()

    asyncio.run(asyncio.wait_for(checked(), 10))


def test_a_worker_that_can_poll_no_more_ends_its_tasks_beside_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A long task keeps nobody else of the queue waiting; the queue is left when both have ended."""
    monkeypatch.setattr(queue_worker, "FIRST", 0.01)

    async def checked() -> None:
        said: list[str] = []
        both = [StandIn(), StandIn()]
        made = iter(both)

        def make(failed: Callable[[BaseException], Awaitable[None]]) -> StandIn:
            one = next(made)
            one.failed = failed
            return one

        queue = QueueWorker("q", make, said.append)
        await both[0].runs.wait()
        assert both[0].failed is not None
        await both[0].failed(RuntimeError("denied"))
        await both[1].runs.wait()
        assert queue.problem == "the task queue q cannot be served: denied"
        assert len(said) == 1
        leaving = asyncio.create_task(queue.stop())
        both[1].task_done.set()
        await asyncio.sleep(0.02)
        assert not leaving.done()
        await both[0].shutdown_and_done()
        await leaving

    asyncio.run(asyncio.wait_for(checked(), 10))


def test_leaving_waits_for_running_tasks() -> None:
    """A task queue that is dropped is left when its last task is done, and not served again."""

    async def waited() -> None:
        worker = StandIn()
        queue = QueueWorker("q", lambda _: worker, print)
        await worker.runs.wait()
        leaving = asyncio.create_task(queue.stop())
        await asyncio.sleep(0.02)
        assert not leaving.done()
        worker.task_done.set()
        await leaving

    asyncio.run(asyncio.wait_for(waited(), 10))


def test_a_task_queue_that_cannot_be_served_can_be_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, also between two tries."""
    monkeypatch.setattr(queue_worker, "FIRST", 600.0)

    async def checked() -> None:
        def make(_: object) -> StandIn:
            raise ValueError("no such namespace")

        said: asyncio.Queue[str] = asyncio.Queue()
        queue = QueueWorker("q", make, said.put_nowait)
        assert "no such namespace" in await said.get()
        await queue.stop()
        await QueueWorker("q", make, said.put_nowait).stop()
        assert said.empty()

    asyncio.run(asyncio.wait_for(checked(), 60))
