"""The SDK's workers of a task queue, on a real server."""

from __future__ import annotations

from typing import Any

import pytest
from standin import Engine, until
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from mftctl.engine.notification import Notification
from mftctl.worker import queue_worker
from mftctl.worker.queue_worker import QueueWorker
from mftctl.worker.service import _unregister


async def test_a_worker_that_cannot_start_leaves_the_queue_to_the_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as where the server refuses to describe the namespace, until somebody grants that."""
    monkeypatch.setattr(queue_worker, "FIRST", 0.01)
    made: list[Worker] = []

    async def refuse() -> Any:
        raise RuntimeError("denied")

    def make(_: object) -> Worker:
        one = Worker(
            engine.client,
            task_queue="refused-first",
            workflows=[Notification],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )
        if not made:
            one._bridge_worker.validate = refuse  # type: ignore[method-assign]
        made.append(one)
        return one

    said: list[str] = []
    queue = QueueWorker("refused-first", make, said.append, _unregister)
    await until(lambda: (len(made) > 1 and made[-1].is_running) or len(said) > 2)
    await queue.stop()
    assert [one.partition(": ")[2] for one in said] == ["denied; retry in 0.01 s"]
