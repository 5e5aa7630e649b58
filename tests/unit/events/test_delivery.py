"""How events reach listeners, and what a listener does with those that cannot start a run."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from mftctl.control.runs import start
from mftctl.control.unreadable import UnreadableDeployment
from mftctl.events import delivery, publishing, subscriptions
from mftctl.model.event import Event
from mftctl.model.manifest import Manifest, Trigger
from mftctl.model.parameter import Parameter

from ..manifests import manifest

EVENT = Event("ready", "1", 1.0)


def delivered(
    monkeypatch: pytest.MonkeyPatch, refusals: dict[str, RPCStatusCode]
) -> tuple[list[str], delivery.Delivery | None]:
    """Where the event is sent, and what the answer is, where these listeners refuse it; None for an error.

    A, B and C wait for it, D for another. E is of a newer mftctl, and F is no deployment.
    """
    sent: list[str] = []
    given = {name: replace(manifest(), deployment=name, triggers=(Trigger("ready"),)) for name in "ABC"}
    given["D"] = replace(manifest(), deployment="D", triggers=(Trigger("another"),))
    found: dict[str, Any] = {name: SimpleNamespace(manifest=one) for name, one in given.items()}
    found |= {name: UnreadableDeployment(name, "is odd", foreign=name == "F") for name in "EF"}

    async def listening(*_: Any) -> dict[str, Any]:
        return found

    def note(name: str) -> None:
        sent.append(name)
        if name in refusals:
            raise RPCError("no more", refusals[name], b"")

    async def send(_client: Any, to: Manifest, _event: Event) -> None:
        note(to.deployment)

    async def send_by_name(_client: Any, name: str, _event: Event) -> bool:
        note(name)
        return True

    monkeypatch.setattr(delivery, "_listening", listening)
    monkeypatch.setattr(subscriptions, "send", send)
    monkeypatch.setattr(subscriptions, "send_by_name", send_by_name)
    client: Any = None
    try:
        return sent, asyncio.run(delivery.deliver(client, EVENT, lambda _: None))
    except RPCError:
        return sent, None


def test_an_event_reaches_all_that_wait_and_may_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The listener of a deployment that only a newer mftctl can read knows what to do with it."""
    assert delivered(monkeypatch, {}) == (list("ABCE"), delivery.Delivery(tuple("ABC"), {}, ("E",)))


def test_a_listener_that_takes_no_more_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """One without a worker is full after 10,000 events; whoever publishes gets on."""
    sent, found = delivered(monkeypatch, {"A": RPCStatusCode.INVALID_ARGUMENT})
    assert (sent, found) == (list("ABCE"), delivery.Delivery(tuple("BC"), {"A": "no more"}, ("E",)))


def test_a_server_that_is_away_is_told_after_all_were_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event is sent again then; who has it takes it once."""
    assert delivered(monkeypatch, {"A": RPCStatusCode.UNAVAILABLE}) == (list("ABCE"), None)


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


@pytest.mark.parametrize("running", [True, False])
def test_events_of_forks_of_a_step_are_different_ones(monkeypatch: pytest.MonkeyPatch, running: bool) -> None:
    """Each fork counts from the same number; those of the task itself do not depend on what they carry."""
    current = SimpleNamespace(is_running_flow=running, pathspec="F/r/start/1")
    monkeypatch.setitem(sys.modules, "metaflow", SimpleNamespace(current=current))
    # What a task inherits from its host, which runs no step, is not counted.
    monkeypatch.setattr(publishing, "_in_fork", False)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        current.is_running_flow = True
        ids = []
        for fields in (["a=1"], ["a=2"], ["a=1"]):
            publishing._COUNT = iter([4])
            publishing._FORK_COUNTS.clear()
            ids.append(publishing._default_id("ready", fields))
        os.write(write, json.dumps(ids).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    with open(read, "rb") as answer:
        first, second, again = json.loads(answer.read())
    if running:
        assert (first != second, first == again) == (True, True)
    else:
        assert {first, second, again} == {"F/r/start/1/ready/4"}


def test_events_of_a_pool_are_the_same_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of them a forked process publishes first is chance, and another one in a retry."""
    current = SimpleNamespace(is_running_flow=True, pathspec="F/r/start/1")
    monkeypatch.setitem(sys.modules, "metaflow", SimpleNamespace(current=current))
    monkeypatch.setattr(publishing, "_in_fork", True)

    def published(*fields: str) -> list[str]:
        monkeypatch.setattr(publishing, "_FORK_COUNTS", Counter())
        return sorted(publishing._default_id("ready", [field]) for field in fields)

    assert published("a=1", "a=2", "a=1") == published("a=1", "a=1", "a=2")
    assert len(set(published("a=1", "a=2", "a=1"))) == 3


def test_what_publishing_says_is_in_the_tasks_log(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A deployment that took no more events is named, though others have got this one."""
    said = "import sys; sys.stderr.write('mftctl: not sent to A')"
    monkeypatch.setenv(publishing.PROGRAM, json.dumps([sys.executable, "-c", said]))
    assert publishing.publish("ready", id="1") == "1"
    assert capfd.readouterr().err == "mftctl: not sent to A"
