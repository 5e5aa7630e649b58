"""Changes of several runs at once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

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
