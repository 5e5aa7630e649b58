"""What follows a run when the server is away, or refuses one of its own page tokens, as after it reloads a workflow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from standin import Engine, linear, manifest, until, waits
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from mftctl.control import history_events
from mftctl.control.runs import outcome
from mftctl.control.runs.history import RunHistory
from mftctl.control.runs.lookup import describe

FLOW = manifest("Refused", linear("a", "b"))


def refuse(monkeypatch: pytest.MonkeyPatch, client: Client, which: Callable[[int], bool]) -> list[bytes]:
    """Make the server refuse the tokens for which ``which``, by number, is true; the tokens that it gets."""
    service, tokens = client.workflow_service, []
    real = service.get_workflow_execution_history

    async def changed(request: Any, **options: Any) -> Any:
        if token := request.next_page_token:
            tokens.append(token)
            if which(len(tokens)):
                # The last byte counts the changes of the workflow: the server has not made as many.
                request.next_page_token = token[:-1] + b"\x7f"
        return await real(request, **options)

    monkeypatch.setattr(service, "get_workflow_execution_history", changed)
    return tokens


async def test_a_run_is_followed_past_a_refused_token(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end is seen, and each of its tasks is counted once."""
    gate = asyncio.Event()
    script, handle = await engine.start(FLOW, {"a": waits(gate)})
    await script.began("a")
    tokens = refuse(monkeypatch, engine.client, lambda number: number <= 4)
    ending = asyncio.create_task(outcome.wait_for_outcome(handle))
    history = RunHistory(engine.client, await describe(engine.client, handle.id))
    following = asyncio.create_task(history.follow())
    await until(lambda: len(tokens) > 4)
    gate.set()
    assert (await ending).status == "completed"
    await following
    assert {task.label: task.state for task in history.record.tasks.values()} == {
        "start": "done",
        "a": "done",
        "b": "done",
        "end": "done",
    }


async def test_a_token_that_is_refused_for_ever_is_an_error(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the server says of it is raised, not asked for without end."""
    monkeypatch.setattr(history_events, "MAX_REFUSALS", 2)
    gate = asyncio.Event()
    _, handle = await engine.start(FLOW, {"a": waits(gate)})
    tokens = refuse(monkeypatch, engine.client, lambda _: True)
    with pytest.raises(RPCError, match="versioned transitions") as refused:
        await RunHistory(engine.client, await describe(engine.client, handle.id)).follow()
    assert refused.value.status == RPCStatusCode.INVALID_ARGUMENT
    assert len(tokens) == history_events.MAX_REFUSALS + 1
    gate.set()


def test_a_result_is_waited_for_past_a_refused_token() -> None:
    """It is asked for again; any other error is raised."""
    ends: list[Any] = [refusal(RPCStatusCode.INVALID_ARGUMENT), "done", refusal(RPCStatusCode.NOT_FOUND)]

    class Handle:
        async def result(self) -> str:
            end = ends.pop(0)
            if isinstance(end, Exception):
                raise end
            return str(end)

    handle: Any = Handle()
    assert asyncio.run(history_events.workflow_result(handle)) == "done"
    with pytest.raises(RPCError):
        asyncio.run(history_events.workflow_result(handle))


def test_a_server_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long poll that breaks is begun again, and says so once; each event comes once."""
    lines: list[str] = []
    away = [refusal(RPCStatusCode.UNAVAILABLE), refusal(RPCStatusCode.RESOURCE_EXHAUSTED)]

    class Handle:
        async def fetch_history_events(self, **_: Any) -> AsyncIterator[Any]:
            for number in (1, 2):
                yield SimpleNamespace(event_id=number, event_type=0)
            if away:
                raise away.pop()
            yield SimpleNamespace(event_id=3, event_type=0)

    async def read(*, wait: bool) -> list[int]:
        handle: Any = Handle()
        found = history_events.history_events(handle, wait=wait, report=lines.append)
        return [event.event_id async for event in found]

    assert asyncio.run(read(wait=True)) == [1, 2, 3]
    assert lines == ["the Temporal server does not answer, retrying: no"]
    monkeypatch.setattr(history_events, "PATIENCE", 0.3)
    away += [refusal(RPCStatusCode.UNAVAILABLE)] * 9
    with pytest.raises(RPCError):
        asyncio.run(read(wait=True))
    assert 0 < len(away) < 9
    with pytest.raises(RPCError):  # who does not wait is told at once
        asyncio.run(read(wait=False))


def refusal(status: RPCStatusCode) -> RPCError:
    """What the server answers."""
    return RPCError("no", status, b"")
