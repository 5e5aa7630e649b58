"""The warnings that nobody serves a deployment, and what they tell to do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from mftctl.control.pollers import Polling
from mftctl.operations import missing_workers
from mftctl.operations.missing_workers import Served, look_for_workers, no_worker

NOBODY = Polling()


@pytest.mark.parametrize(
    ("task_queue", "polling", "version", "todo"),
    [
        ("mftctl.Train", NOBODY, "", "start one with: mftctl worker Train"),
        # `mftctl worker Train` would serve the deployment's task queue, which a run need not have.
        ("gpu", NOBODY, "", "start one with: mftctl worker --queue gpu"),
        ("gpu", NOBODY, "a:v1", "start one with: mftctl worker --queue gpu --deployment-version a:v1"),
        # A worker without a version would take nothing.
        (
            "gpu",
            Polling(lacking=("a:v2",)),
            "",
            "start one with: mftctl worker --queue gpu --deployment-version a:v2",
        ),
        (
            "gpu",
            Polling(unpromoted=("a:v1",)),
            "",
            "version a:v1 is not promoted: mftctl workers promote a:v1",
        ),
        (
            "gpu",
            Polling(lacking=("a:v0",), unpromoted=("a:v1",)),
            "a:v0",
            "mftctl worker --queue gpu --deployment-version a:v0",
        ),
        (
            "gpu",
            Polling(unpromoted=("a:v10", "a:v9")),
            "",
            "versions a:v10, a:v9 are not promoted: mftctl workers promote VERSION",
        ),
    ],
)
def test_the_warning_ends_with_what_to_do(task_queue: str, polling: Polling, version: str, todo: str) -> None:
    """A worker that would take the run's tasks, or the promotion of one that is there."""
    assert no_worker("Train", task_queue, polling, version).endswith(todo)


def test_a_server_that_does_not_answer_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run was started, or the flow deployed, before: whoever repeated that would have two."""

    async def refuse(*_: Any) -> Polling:
        raise RPCError("too many requests", RPCStatusCode.RESOURCE_EXHAUSTED, b"")

    monkeypatch.setattr(missing_workers, "find_pollers", refuse)
    manifest: Any = type(
        "Manifest", (), {"task_queue": "q", "step_queues": {"gpu": ("fit",)}, "deployment": "A"}
    )
    client: Any = None
    warning = "the server does not say whether a worker serves it: too many requests"
    assert asyncio.run(look_for_workers(client, manifest)) == Served(None, (warning,))
