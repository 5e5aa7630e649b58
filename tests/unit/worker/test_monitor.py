"""What a worker answers to probes: alive while its event loop works, ready while it can take tasks."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.common import MetricMeter
from temporalio.service import RPCError, RPCStatusCode

from mftctl.control.pollers import Polling
from mftctl.control.unserved_queues import Unserved
from mftctl.worker import monitor as monitor_module
from mftctl.worker.metrics import WorkerState
from mftctl.worker.monitor import Monitor

STATE = WorkerState(1, 2, 3, 4, 5, 6, 7)


class StandIn:
    """A worker, its server and the SDK's exporter."""

    def __init__(self) -> None:
        self.error: RPCError | None = None
        self.troubles: list[str] = []
        runtime = SimpleNamespace(metric_meter=MetricMeter.noop)
        self.monitor = Monitor(SimpleNamespace(runtime=runtime, text=lambda: b"x 1\n"))  # type: ignore[arg-type]

    async def get_system_info(self, *_: Any, **__: Any) -> None:
        if self.error is not None:
            raise self.error

    def problems(self) -> list[str]:
        return self.troubles

    def state(self) -> WorkerState:
        return STATE

    async def begin(self) -> None:
        client: Any = SimpleNamespace(workflow_service=self)
        self.monitor.watch(client, self)  # type: ignore[arg-type]

    async def ask(self, path: str) -> tuple[int, str]:
        """What is answered, from another thread."""
        answer = await asyncio.to_thread(self.monitor.answers[path])
        return int(answer.status), answer.body.decode().strip()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A worker of a server where all task queues are served."""

    async def unserved(_: Any) -> list[Unserved]:
        return []

    monkeypatch.setattr(monitor_module, "find_unserved", unserved)
    return StandIn()


def test_before_it_serves_a_worker_is_alive_but_not_ready(worker: StandIn) -> None:
    """And its metrics are the exporter's."""

    async def asked() -> None:
        assert await worker.ask("/healthz") == (200, "ok")
        assert await worker.ask("/readyz") == (503, "the worker is starting")
        assert await worker.ask("/metrics") == (200, "x 1")

    asyncio.run(asked())


def test_readiness_follows_the_worker(worker: StandIn) -> None:
    """503 with the reason without a server, with a task queue that is not polled, and once it shuts down."""

    async def asked() -> None:
        await worker.begin()
        assert await worker.ask("/readyz") == (200, "ok")
        worker.troubles = ["the task queue q cannot be served: no permission"]
        assert await worker.ask("/readyz") == (503, worker.troubles[0])
        worker.troubles = []
        worker.error = RPCError("tcp connect error", RPCStatusCode.UNAVAILABLE, b"")
        assert await worker.ask("/readyz") == (503, "the Temporal server does not answer: tcp connect error")
        assert (await worker.ask("/metrics"))[0] == 200
        worker.error = RPCError("no", RPCStatusCode.PERMISSION_DENIED, b"")
        assert await worker.ask("/readyz") == (200, "ok")
        worker.monitor.drain()
        assert await worker.ask("/readyz") == (503, "the worker is shutting down")
        assert await worker.ask("/healthz") == (200, "ok")

    asyncio.run(asked())


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_a_worker_whose_event_loop_stands_still_is_not_alive(
    worker: StandIn, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 after a limit, not an answer that never comes."""
    monkeypatch.setattr(monitor_module, "LOOP_TIMEOUT", 0.05)

    async def asked() -> int:
        await worker.begin()
        asking = asyncio.to_thread(worker.monitor.answers[path])
        waiting = asyncio.ensure_future(asking)
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251 - the event loop stands still
        return int((await waiting).status)

    assert asyncio.run(asked()) == 503


def test_a_worker_whose_event_loop_has_ended_answers(worker: StandIn) -> None:
    """503 while the process ends."""
    asyncio.run(worker.begin())
    assert int(worker.monitor.answers["/readyz"]().status) == 503


def test_task_queues_without_a_worker_are_counted_again_and_again(
    worker: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the server does not answer, the last figure stays."""
    answers: list[Any] = [
        [Unserved("gpu", version, Polling(), 2) for version in ("", "mftctl:v1")]
        + [Unserved("big", "", Polling(), 1)],
        RPCError("gone", RPCStatusCode.UNAVAILABLE, b""),
        [Unserved("gpu", "", Polling(), 2)],
        [],
    ]
    counted: list[int] = []
    done = asyncio.Event()

    async def unserved(_: Any) -> list[Unserved]:
        if not answers:
            await asyncio.Event().wait()
        answer = answers.pop(0)
        if not answers:
            done.set()
        if isinstance(answer, RPCError):
            raise answer
        found: list[Unserved] = answer
        return found

    monkeypatch.setattr(monitor_module, "find_unserved", unserved)
    monkeypatch.setattr(monitor_module, "INTERVAL", 0)
    monkeypatch.setattr(worker.monitor.metrics, "unserved", counted.append)

    async def asked() -> None:
        await worker.begin()
        await done.wait()
        await asyncio.sleep(0)

    asyncio.run(asked())
    assert counted == [2, 1, 0]
