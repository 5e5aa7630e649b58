"""A listener moves to another task queue with all its events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.converter import DataConverter

from mftctl.events import migration

CONVERTER = DataConverter()
OLD, NEXT = "4f1c59e6-8b58-4d2c-a1d4-6d9d8f3c2a10", "4f1c59e6-8b58-4d2c-a1d4-6d9d8f3c2a11"


class Server:
    """A server with the histories of a listener's executions. While a new one is started, ``late`` happens."""

    data_converter = CONVERTER

    def __init__(self, histories: dict[str, list[HistoryEvent]], late: dict[str, list[HistoryEvent]]) -> None:
        self.histories, self.late = histories, late
        self.state: dict[str, Any] = {}
        self.signals: list[str] = []

    def get_workflow_handle(self, _: str, run_id: str) -> Any:
        async def events(**_: Any) -> AsyncIterator[HistoryEvent]:
            for event in self.histories[run_id]:
                yield event

        return SimpleNamespace(fetch_history_events=events)

    async def start_workflow(self, _: str, state: dict[str, Any], **__: Any) -> Any:
        self.state = state
        for run_id, events in self.late.items():
            self.histories.setdefault(run_id, []).extend(events)

        async def signal(_: str, event: dict[str, Any]) -> None:
            self.signals.append(event["name"])

        return SimpleNamespace(signal=signal)


async def started(state: dict[str, Any]) -> HistoryEvent:
    event = HistoryEvent(event_id=1, event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
    given = event.workflow_execution_started_event_attributes.input.payloads
    given.extend(await CONVERTER.encode([state]))
    return event


async def sent(number: int, name: str) -> HistoryEvent:
    event = HistoryEvent(event_id=number, event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
    about = event.workflow_execution_signaled_event_attributes
    about.signal_name = "event"
    about.input.payloads.extend(await CONVERTER.encode([{"name": name}]))
    return event


def continued(number: int, run_id: str) -> HistoryEvent:
    event = HistoryEvent(event_id=number, event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW)
    event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id = run_id
    return event


async def moved() -> Server:
    """The server after a move, during which the old listener gets an event, continues as new and gets another."""
    server = Server(
        {OLD: [await started({"deployment": "F"}), await sent(2, "before")]},
        {
            OLD: [await sent(3, "meanwhile"), continued(4, NEXT)],
            NEXT: [await started({"deployment": "F"}), await sent(2, "in the next execution")],
        },
    )
    await migration.move(server, SimpleNamespace(id="listener", run_id=OLD), "queue")  # type: ignore[arg-type]
    return server


def test_no_event_is_lost_by_a_move() -> None:
    """The new listener has the events from before in its state, and is sent those that came meanwhile."""
    server = asyncio.run(moved())
    assert [one["name"] for one in server.state["inbox"]] == ["before"]
    assert server.signals == ["meanwhile", "in the next execution"]


def test_more_unread_events_than_an_input_takes_are_sent_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, before those that came late: no worker has read them, which is why the listener moves."""

    async def moved() -> tuple[list[str], list[str]]:
        history = [await started({"deployment": "D"}), *[await sent(n + 2, f"e{n}") for n in range(6)]]
        server: Any = Server({OLD: history}, {OLD: [await sent(9, "late")]})
        state = await migration.state_from_history(CONVERTER, OLD, history)
        monkeypatch.setattr(
            migration, "MAX_STATE", len(json.dumps({**state, "inbox": state["inbox"][:3]})) + 2
        )
        found: Any = SimpleNamespace(id="listener", run_id=OLD)
        await migration.move(server, found, "new")
        return [one["name"] for one in server.state["inbox"]], server.signals

    assert asyncio.run(moved()) == (["e0", "e1", "e2"], ["e3", "e4", "e5", "late"])
