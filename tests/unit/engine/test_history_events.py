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
        async def describe(self, **_: Any) -> None:
            """It is back."""

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
    # It failed at once again.
    assert lines == ["the Temporal server does not answer, retrying: no"]
    monkeypatch.setattr(history_events, "PATIENCE", 0.3)
    away += [refusal(RPCStatusCode.UNAVAILABLE)] * 9
    with pytest.raises(RPCError):
        asyncio.run(read(wait=True))
    assert 0 < len(away) < 9
    with pytest.raises(RPCError):  # without `wait`, at once
        asyncio.run(read(wait=False))


class Away:
    """A server that is away for ``tries`` tries, which last ``lasts`` seconds each; then its ``ends``, one a call."""

    def __init__(self, tries: float, lasts: float, ends: list[RPCError]) -> None:
        self._tries, self._lasts, self._ends = tries, lasts, ends

    async def describe(self, **_: Any) -> None:
        self._tries -= 1
        if self._tries >= 0:
            raise refusal(RPCStatusCode.DEADLINE_EXCEEDED)

    async def result(self) -> str:
        if self._tries > 0:
            await asyncio.sleep(self._lasts)
            raise refusal(RPCStatusCode.UNAVAILABLE)
        if self._ends:
            raise self._ends.pop(0)
        return "done"


def test_a_server_whose_packets_are_lost_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long each long poll takes to fail, and said once."""
    monkeypatch.setattr(history_events, "AT_ONCE", 0.05)
    lines: list[str] = []
    handle: Any = Away(float("inf"), lasts=0.2, ends=[])
    with pytest.raises(RPCError):
        asyncio.run(history_events.workflow_result(handle, lines.append, patience=0.5))
    assert len(lines) == 1


@pytest.mark.parametrize("answers", [False, True], ids=["fails as well", "answers"])
def test_a_server_in_trouble_is_given_up(monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    """One that fails in each call, or in this one alone, which the SDK repeats before it says so."""
    monkeypatch.setattr(history_events, "AT_ONCE", 0.05)
    lines: list[str] = []

    class Handle:
        async def describe(self, **_: Any) -> None:
            if not answers:
                raise refusal(RPCStatusCode.INTERNAL)

        async def result(self) -> str:
            await asyncio.sleep(0.2)
            raise refusal(RPCStatusCode.UNKNOWN)

    handle: Any = Handle()
    with pytest.raises(RPCError):
        asyncio.run(history_events.workflow_result(handle, lines.append, patience=0.7))
    assert len(lines) == 1


def test_a_token_that_is_refused_after_an_outage_is_the_first() -> None:
    """A server that was away has to reload the workflow, and may refuse its token."""
    ends = [refusal(RPCStatusCode.INVALID_ARGUMENT)] * history_events.MAX_REFUSALS
    handle: Any = Away(history_events.MAX_REFUSALS + 2, lasts=0, ends=ends)
    assert asyncio.run(history_events.workflow_result(handle, patience=600)) == "done"


def refusal(status: RPCStatusCode) -> RPCError:
    """What the server answers."""
    return RPCError("no", status, b"")
