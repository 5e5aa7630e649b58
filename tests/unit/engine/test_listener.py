"""The workflow that keeps a deployment's events until they start a run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from standin import TIMEOUT, Engine, until
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from mftctl.events import listener
from mftctl.events.inbox import Inbox
from mftctl.model import ids
from mftctl.model.manifest import Trigger


@asynccontextmanager
async def _listening(engine: Engine, name: str, *triggers: str) -> AsyncIterator[WorkflowHandle[Any, Any]]:
    """The listener of a deployment that waits for these events; it ends when the deployment is gone."""
    engine.standin.triggers[name] = tuple(map(Trigger, triggers))
    handle = await engine.client.start_workflow(
        listener.LISTENER_TYPE, {"deployment": name}, id=ids.listener_id(name), task_queue=engine.queue
    )
    yield handle
    del engine.standin.triggers[name]
    await _tell(handle, triggers[0], "the last")
    async with asyncio.timeout(TIMEOUT):
        await handle.result()


async def _tell(handle: WorkflowHandle[Any, Any], name: str, id_: str, **more: Any) -> None:
    await handle.signal(listener.SIGNAL, {"name": name, "id": id_, **more})


async def _state(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    state: dict[str, Any] = await handle.query(listener.STATE, result_type=dict)
    return state


async def _read(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    """Its state when nothing is unread."""
    state: dict[str, Any] = {}

    async def is_read() -> bool:
        nonlocal state
        state = await _state(handle)
        return not state["inbox"]

    await until(is_read)
    return state


async def test_a_start_that_keeps_failing_hardly_grows_the_history(
    engine: Engine, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits with timers, so that the server does not end a listener whose deployment no worker can read for days."""
    monkeypatch.setattr(listener, "TIMER_FROM", timedelta(milliseconds=100))
    engine.standin.broken.add("Broken")
    async with _listening(engine, "Broken", "a") as handle:
        await _tell(handle, "a", "1")

        async def waits() -> bool:
            kinds = [event.event_type async for event in handle.fetch_history_events()]
            return EventType.EVENT_TYPE_TIMER_STARTED in kinds

        await until(waits)
        engine.standin.broken.clear()
        await until(lambda: started)
    assert started == [["1"]]


@pytest.fixture
def started(engine: Engine) -> Iterator[list[list[str]]]:
    """The runs that listeners have started, as the ids of their events."""
    engine.standin.started.clear()
    yield engine.standin.started
    engine.standin.started.clear()


async def test_one_event_of_each_starts_a_run(engine: Engine, started: list[list[str]]) -> None:
    """The first waits for the other; a newer takes the place of an older one."""
    async with _listening(engine, "Both", "a", "b") as handle:
        await _tell(handle, "a", "1")
        await _tell(handle, "a", "2")

        async def waits_for_the_other() -> bool:
            state = await _state(handle)
            return not state["inbox"] and [one["id"] for one in state["pending"]] == ["2"]

        await until(waits_for_the_other)
        await _tell(handle, "b", "3")
        await until(lambda: started)
    assert started == [["2", "3"]]


async def test_an_event_told_again_is_the_same(engine: Engine, started: list[list[str]]) -> None:
    """It starts no second run, however often it comes."""
    async with _listening(engine, "Twice", "a") as handle:
        for _ in range(3):
            await _tell(handle, "a", "1")
        await _tell(handle, "a", "2")
        await until(lambda: len(started) == 2)
    assert started == [["1"], ["2"]]


async def test_what_is_no_event_stops_nobody(engine: Engine, started: list[list[str]]) -> None:
    """The state says what came; the events behind it start their runs."""
    async with _listening(engine, "Strange", "a") as handle:
        for strange in ("text", None, {"name": 1}, {"payload": {}}):
            await handle.signal(listener.SIGNAL, strange)
        assert "not an event" in (await _read(handle))["last"]["problem"]
        await _tell(handle, "a", "1")
        await until(lambda: started)
    assert started == [["1"]]


#: Events that are always there for the listener, so that its inbox is never empty.
UNREAD = 6


async def test_it_continues_as_new_under_steady_load(
    engine: Engine, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is unread goes along: every event starts its run, once and in order, though the inbox is never empty."""
    carried: list[int] = []
    state = Inbox.state

    def counting(self: Inbox) -> dict[str, Any]:
        made = state(self)
        if made["inbox"] and workflow.info().is_continue_as_new_suggested():
            carried.append(len(made["inbox"]))
        return made

    async with _listening(engine, "Steady", "a") as handle:
        first = (await handle.describe()).run_id
        monkeypatch.setattr(Inbox, "state", counting)
        sent = 0
        data = {"data": "x" * 60_000}  # after 70 of them the server suggests to continue as new
        while not carried and sent < 300:
            await until(lambda so_far=sent: so_far - len(started) < UNREAD)
            await _tell(handle, "a", str(sent), payload=data)
            sent += 1
        monkeypatch.setattr(Inbox, "state", state)
        await until(lambda: [str(sent - 1)] in started)
        assert (await handle.describe()).run_id != first
    # One that was just asked about when a signal came in between is asked about again, and its run has the same id.
    assert list(dict.fromkeys(one for (one,) in started)) == [str(number) for number in range(sent)]


def test_it_carries_no_more_than_the_server_takes() -> None:
    """An inbox that is too large for an input is read further first."""
    inbox = Inbox({"deployment": "Large"}, "00000000-0000-0000-0000-000000000000")
    number = 0
    while inbox.size() <= listener.MAX_CARRIED:
        inbox.receive({"name": "a", "id": str(number), "payload": {"data": "x" * 100_000}}, 1.0)
        number += 1
    assert inbox.size() < 2 * 1024 * 1024
    while inbox.size() > listener.MAX_CARRIED:
        assert inbox.read_next()
        inbox.apply({"pending": []})
    assert not inbox.empty
