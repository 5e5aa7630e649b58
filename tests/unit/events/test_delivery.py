"""How events reach listeners, and what a listener does with those that cannot start a run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from mftctl.control.runs import start
from mftctl.events import delivery, publishing, subscriptions
from mftctl.model.event import Event
from mftctl.model.manifest import Manifest, Trigger
from mftctl.model.parameter import Parameter

from ..manifests import manifest

EVENT = Event("ready", "1", 1.0)


def delivered(
    monkeypatch: pytest.MonkeyPatch, refusals: dict[str, RPCStatusCode]
) -> tuple[list[str], list[str], list[str]]:
    """Where the event is sent, which deployments have it, and what is reported, where these listeners refuse it."""
    sent: list[str] = []
    lines: list[str] = []
    waiting = [replace(manifest(), deployment=name, triggers=(Trigger("ready"),)) for name in "ABC"]

    async def all_waiting(*_: Any) -> list[Manifest]:
        return waiting

    async def send(_client: Any, to: Manifest, _event: Event) -> None:
        sent.append(to.deployment)
        if to.deployment in refusals:
            raise RPCError("no more", refusals[to.deployment], b"")

    monkeypatch.setattr(delivery, "waiting_deployments", all_waiting)
    monkeypatch.setattr(subscriptions, "send", send)
    client: Any = None
    try:
        have = asyncio.run(delivery.deliver(client, EVENT, lambda _: None, lines.append))
    except RPCError:
        have = ["failed"]
    return sent, have, lines


def test_a_listener_that_takes_no_more_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """One without a worker is full after 10,000 events; whoever publishes gets on."""
    sent, have, lines = delivered(monkeypatch, {"A": RPCStatusCode.INVALID_ARGUMENT})
    assert (sent, have) == (["A", "B", "C"], ["B", "C"])
    assert lines == ["event 'ready' is not sent to A: no more"]


def test_a_server_that_is_away_is_told_after_all_were_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event is sent again then; who has it takes it once."""
    sent, have, lines = delivered(monkeypatch, {"A": RPCStatusCode.UNAVAILABLE})
    assert (sent, have, lines) == (["A", "B", "C"], ["failed"], [])


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (None, "its values cannot be used: RecursionError"),
        (RPCStatusCode.INVALID_ARGUMENT, "the server refuses it: no"),
        (RPCStatusCode.UNAVAILABLE, None),
    ],
)
def test_an_event_that_never_starts_a_run_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, error: RPCStatusCode | None, problem: str | None
) -> None:
    """Later events would wait for it for ever; where the server is away, it is tried again."""

    async def refuse(*_: Any, **__: Any) -> None:
        assert error is not None
        raise RPCError("no", error, b"")

    monkeypatch.setattr(start, "start_run", refuse)
    value = "[" * 100_000 if error is None else "[]"
    given = replace(
        manifest(Parameter("p", "json")), triggers=(Trigger("ready", parameters=(("p", "table"),)),)
    )
    event = replace(EVENT, payload={"table": value})
    client: Any = None
    started = delivery._start(client, given, (event,))
    if problem is None:
        with pytest.raises(RPCError):
            asyncio.run(started)
    else:
        found = asyncio.run(started)
        assert found["run_id"] is None
        assert found["problem"].startswith(problem)


def test_events_of_forks_of_a_step_are_different_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fork counts from the same number; those of the task itself do not depend on what they carry."""
    current = SimpleNamespace(is_running_flow=True, pathspec="F/r/start/1")
    monkeypatch.setitem(publishing.sys.modules, "metaflow", SimpleNamespace(current=current))

    def ids(group: int) -> list[str]:
        monkeypatch.setattr(publishing.os, "getpgrp", lambda: group)
        found = []
        for fields in (["a=1"], ["a=2"], ["a=1"]):
            monkeypatch.setattr(publishing, "_COUNT", iter([4]))
            found.append(publishing._default_id("ready", fields))
        return found

    assert ids(publishing.os.getpid()) == ["F/r/start/1/ready/4"] * 3
    first, second, again = ids(1)
    assert (first != second, first == again) == (True, True)
