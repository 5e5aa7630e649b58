"""What a listener does with signals, and that its history tells where it was."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.converter import DataConverter

from mftctl.events import rules
from mftctl.events.inbox import Inbox
from mftctl.events.migration import state_from_history
from mftctl.model.event import MAX_EVENT_BYTES, Event, invalid_reason
from mftctl.model.manifest import Trigger

RUN = str(uuid.UUID(int=7))
GIVEN: dict[str, Any] = {"deployment": "AFlow"}
TRIGGERS = (Trigger("a"), Trigger("b"))
CONVERTER = DataConverter.default

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
FIELDS = ("name", "id", "type", "timestamp", "payload")
told = st.fixed_dictionaries(
    {"name": st.sampled_from("abc")}, optional={"id": st.sampled_from("123"), "timestamp": st.integers(0, 9)}
)
strange = values | st.dictionaries(st.sampled_from(FIELDS), values, max_size=5) | st.just({"name": "\ud800"})


@given(st.lists(strange | told, max_size=8))
def test_any_signal_is_read_or_told_of(signals: list[Any]) -> None:
    """Whatever is signalled stops nothing: it is an event, or the state says why it is none."""
    for signal in signals:
        inbox = Inbox(GIVEN, RUN)
        inbox.receive(signal, 1.0)
        problem = invalid_reason(signal)
        assert inbox.empty == bool(problem)
        if problem:
            assert inbox.state()["last"]["problem"].endswith(problem)
        else:
            assert inbox.read_next()
            assert inbox.request()["pending"][0]["name"] == signal["name"]
            assert json.loads(json.dumps(inbox.state())) == inbox.state()


def test_large_events_are_refused() -> None:
    """An event is as large as several of them may be for one workflow to carry them."""
    size = MAX_EVENT_BYTES - 100
    assert invalid_reason({"name": "a", "payload": {"b": "x" * size}}) == ""
    assert "bytes" in invalid_reason({"name": "a", "payload": {"b": "ä" * size}})


@given(st.lists(st.tuples(told | strange.filter(invalid_reason), st.integers(0, 3)), max_size=12))
def test_a_history_tells_where_the_listener_was(steps: list[tuple[Any, int]]) -> None:
    """After any number of signals and answers, the state read from the history is that of the listener itself."""
    inbox, history, at = Inbox(GIVEN, RUN), [_started(GIVEN)], 0.0
    for signal, reads in steps:
        at += 1
        inbox.receive(signal, at)
        history.append(_signal(signal, at))
        for _ in range(reads):
            if inbox.read_next():
                answer = _answer(inbox.request()["pending"])
                inbox.apply(answer)
                history.append(_marker(answer))
    found = asyncio.run(state_from_history(CONVERTER, RUN, history))
    # Both go on in the same way: what was told before and not yet read may be in one of them only.
    assert _rest(found) == _rest(inbox.state())


def _rest(state: dict[str, Any]) -> list[Any]:
    """What becomes of all that is left."""
    inbox, answers = Inbox(state, RUN), []
    while not inbox.empty:
        if inbox.read_next():
            answers.append(_answer(inbox.request()["pending"]))
            inbox.apply(answers[-1])
    return [answers, inbox.state()["pending"], inbox.state()["seen"]]


def _answer(pending: list[dict[str, Any]]) -> dict[str, Any]:
    """What a deployment that waits for a and b makes of events."""
    found = [Event.from_plain(one) for one in pending]
    due = rules.due(TRIGGERS, found)
    left = rules.still_wanted(TRIGGERS, [one for one in found if one not in due])
    last = {"events": [one.id for one in due]} if due else {}
    return {"pending": [one.to_plain() for one in left], "last": last}


def _started(state: dict[str, Any]) -> HistoryEvent:
    event = HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
    given_to = event.workflow_execution_started_event_attributes.input
    given_to.payloads.extend(CONVERTER.payload_converter.to_payloads([state]))
    return event


def _signal(plain: Any, at: float) -> HistoryEvent:
    event = HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
    event.event_time.FromMilliseconds(int(at * 1000))
    about = event.workflow_execution_signaled_event_attributes
    about.signal_name = "event"
    about.input.payloads.extend(CONVERTER.payload_converter.to_payloads([plain]))
    return event


def _marker(answer: dict[str, Any]) -> HistoryEvent:
    event = HistoryEvent(event_type=EventType.EVENT_TYPE_MARKER_RECORDED)
    result = event.marker_recorded_event_attributes.details["result"]
    result.payloads.extend(CONVERTER.payload_converter.to_payloads([answer]))
    return event
