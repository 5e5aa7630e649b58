"""Changes of several runs at once."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from mftctl.control.connection import connect
from mftctl.operations.command_options import Limited
from mftctl.operations.runs import change_runs


def test_terminate_asks_one_question_at_a_time_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection to the server lives on while somebody thinks; who says no keeps that run alone."""
    asking, terminated = threading.Lock(), list[str]()

    async def open_client(*_: object) -> None: ...

    async def run_id(_client: Any, name: str, *_: object) -> str:
        return name

    async def terminate(_client: Any, name: str, _reason: str) -> None:
        terminated.append(name)

    async def ask_twice() -> Any:
        loop = asyncio.get_running_loop()

        def objected(question: str) -> bool:
            assert asking.acquire(blocking=False)
            turned = threading.Event()
            loop.call_soon_threadsafe(turned.set)
            assert turned.wait(30)
            asking.release()
            return "Terminate a?" in question

        monkeypatch.setattr(change_runs, "objected", objected)
        return await change_runs.terminate_runs(("a", "b"), None, None, "why", False, Limited())

    monkeypatch.setattr(change_runs, "open_client", open_client)
    monkeypatch.setattr(change_runs, "_run_id", run_id)
    monkeypatch.setattr(change_runs.actions, "terminate", terminate)
    result = asyncio.run(ask_twice())
    assert (terminated, result.exit) == (["b"], 1)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (RPCStatusCode.NOT_FOUND, "run.over", "run a cannot be terminated: it has just ended"),
        (RPCStatusCode.RESOURCE_EXHAUSTED, "temporal.unreachable", "cannot do it now: too many"),
    ],
)
def test_one_run_that_cannot_be_changed_keeps_none_of_the_others(
    monkeypatch: pytest.MonkeyPatch, status: RPCStatusCode, code: str, message: str
) -> None:
    """Also if it ends at that moment, or the server refuses the request: its row has the error."""
    terminated: list[str] = []

    class Handle:
        def __init__(self, name: str) -> None:
            self._name = name

        async def terminate(self, **_: object) -> None:
            if self._name == "a":
                raise RPCError("too many", status, b"")
            terminated.append(self._name)

    async def open_client(*_: object) -> None: ...

    async def run_id(_client: Any, name: str, *_: object) -> str:
        return name

    async def describe(_client: Any, name: str) -> Any:
        return SimpleNamespace(run_id=name, status="running")

    monkeypatch.setattr(change_runs, "open_client", open_client)
    monkeypatch.setattr(change_runs, "_run_id", run_id)
    monkeypatch.setattr(change_runs.actions, "describe", describe)
    monkeypatch.setattr(change_runs.actions, "workflow_handle", lambda _, name: Handle(name))
    monkeypatch.setattr(connect, "_last", SimpleNamespace(address="there:7233"))
    result = asyncio.run(change_runs.terminate_runs(("a", "b"), None, None, "why", True, Limited()))
    assert isinstance(result.data, list)
    failed, done = result.data
    assert failed.error is not None
    assert (failed.error.code, message in failed.error.message) == (code, True)
    assert (terminated, done.status) == (["b"], "terminated")
