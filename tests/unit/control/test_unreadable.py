"""Schedules called as deployments that are none, and which task queues a worker serves beside them."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.common.v1 import Memo, Payload, WorkflowType
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.client import ScheduleActionStartWorkflow, WorkflowExecution
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from mftctl.control import deployments, schedule_ids
from mftctl.control.resource_queues import ResourceQueues
from mftctl.control.runs import lookup as found
from mftctl.control.schedule_ids import ScheduleIds
from mftctl.control.task_queues import TaskQueues
from mftctl.control.unreadable import UnreadableDeployment, Warnings, input_of
from mftctl.engine.payloads import RunInput
from mftctl.events import delivery
from mftctl.model.errors import Exit, MftctlError
from mftctl.model.event import Event
from mftctl.model.manifest import Launch, Manifest, Package, Step
from mftctl.model.resources import Resources

JSON = b"json/plain"


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(test(*arguments, **named))

    return run


def manifest(name: str, task_queue: str = "") -> Manifest:
    launch = Launch(
        "F", "f.py", Package("sha", "url", "{}"), "python", "local", "local", "/d", "local", "n", "n"
    )
    return Manifest(name, launch, "start", "end", (Step("start", "start"),), task_queue or f"q.{name}", "me")


def payload(value: Any, encoding: bytes = JSON) -> Payload:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Payload(metadata={"encoding": encoding}, data=data)


def given(name: str, task_queue: str = "", **manifest_fields: Any) -> Payload:
    plain = RunInput(manifest(name, task_queue), "").to_plain()
    plain["manifest"] |= manifest_fields
    return payload(plain)


@pytest.fixture(autouse=True)
def always_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Schedules are asked for at each check, however soon it follows the last one."""
    monkeypatch.setattr(schedule_ids, "FRESH", 0.0)


class Server:
    """A client of a server with these Schedules: their ids, and the payloads of their actions."""

    data_converter = DataConverter.default

    def __init__(self, **schedules: Any) -> None:
        self.schedules = schedules
        self.deleted: list[str] = []
        self.described: list[str] = []
        self.lists = 0
        self.running: dict[str, int] = {}
        self.made = set(schedules)
        self.counts = True

    async def count_workflows(self, query: str) -> Any:
        if "TemporalScheduler" in query:
            if not self.counts:
                raise RPCError("no such attribute", RPCStatusCode.INVALID_ARGUMENT, b"")
            self.made |= set(self.schedules)
            return SimpleNamespace(count=len(self.made) + 1)  # with somebody else's
        return SimpleNamespace(count=sum(n for queue, n in self.running.items() if f"'{queue}'" in query))

    async def list_schedules(self) -> Any:
        self.lists += 1
        names = [f"mftctl.{name}" for name in self.schedules] + ["somebody-elses"]

        async def each() -> Any:
            for name in names:
                yield SimpleNamespace(id=name)

        return each()

    def get_schedule_handle(self, schedule: str) -> Any:
        name = schedule.removeprefix("mftctl.")

        async def describe() -> Any:
            self.described.append(name)
            if name not in self.schedules:
                raise RPCError("no such Schedule", RPCStatusCode.NOT_FOUND, b"")
            action: Any = self.schedules[name]
            if isinstance(action, list):
                action = ScheduleActionStartWorkflow("T", args=[], id="x", task_queue="q")
                action.args = self.schedules[name]
            state, info = SimpleNamespace(paused=False), SimpleNamespace(next_action_times=[1])
            return SimpleNamespace(schedule=SimpleNamespace(action=action, state=state), info=info)

        async def delete() -> None:
            self.deleted.append(name)

        return SimpleNamespace(describe=describe, delete=delete)


ODD = {
    "action of another kind": (object(), "starts no workflow"),
    "no input": ([], "no input"),
    "no manifest": ([payload({"a": 1})], "not a manifest"),
    "a list": ([payload([1])], "not a manifest"),
    "a manifest of text": ([payload({"manifest": "x"})], "not a manifest"),
    "half a manifest": ([payload({"manifest": {"deployment": "X"}, "run_id": ""})], "not a manifest"),
    "steps of text": ([given("X", steps=["start"])], "not a manifest"),
    "no start": ([given("X", start="gone")], "not a manifest"),
    "of another deployment": ([given("Other")], "the manifest of Other"),
    "not JSON": ([payload(b"{")], "cannot be decoded (json/plain)"),
    "encrypted": ([payload(b"\0", b"binary/encrypted")], "cannot be decoded (binary/encrypted)"),
    "no encoding": ([Payload(data=b"x")], "cannot be decoded (without encoding)"),
    "newer": ([given("X", schema_version=9)], "was deployed by a newer mftctl (manifest schema 9"),
    "odd schema": ([given("X", schema_version="9")], "not a manifest"),
}
MAYBE_SOMEBODYS = {"encrypted", "no encoding", "newer"}


@pytest.mark.parametrize("kind", ODD)
@in_loop
async def test_what_cannot_be_read_is_named_and_all_else_goes_on(kind: str) -> None:
    """Whatever carries a deployment's name, lists have the others, and a command addressed to it says what it is."""
    action, reason = ODD[kind]
    server: Any = Server(Good=[given("Good")], X=action, Other=[given("Other")])
    found, unreadable = await deployments.list_all(server)
    assert [one.name for one in found] == ["Good", "Other"]
    assert [one.name for one in unreadable] == ["X"]
    assert reason in unreadable[0].warning
    assert "mftctl.X" in unreadable[0].warning
    for ask in (deployments.find_manifest, deployments.get, deployments.find):
        with pytest.raises(MftctlError, match=r"mftctl\.X is not a deployment") as caught:
            await ask(server, "X")
        assert caught.value.exit == Exit.CONFLICT
    seen = await deployments.find_any(server, "X")
    assert isinstance(seen, UnreadableDeployment)
    assert seen.foreign == (kind not in MAYBE_SOMEBODYS)
    if seen.foreign:
        await deployments.delete_unreadable(server, seen)
        assert server.deleted == ["X"]
        assert "deployments delete X --yes" in seen.error().hint
    else:
        with pytest.raises(MftctlError):
            await deployments.delete_unreadable(server, seen)
        assert not server.deleted


@in_loop
async def test_events_for_what_cannot_be_read_are_kept() -> None:
    """A listener whose deployment is newer than the worker tries again with all of them, until a worker can read it.

    What is no deployment is never read: the listener says why it starts nothing.
    """
    server: Any = Server(X=[given("X", schema_version=9)], Y=[payload(1)])
    event, warned = Event("data", "1", 1.0), []
    with pytest.raises(MftctlError, match="newer mftctl"):
        await delivery.start_due(server, "X", [event], warned.append)
    assert [one.name for one in warned] == ["X"]
    state = await delivery.start_due(server, "Y", [event], warned.append)
    assert state["pending"] == [event.to_plain()]
    assert "not a manifest" in state["last"]["problem"]


@in_loop
async def test_a_worker_serves_what_it_can_read_and_warns_once() -> None:
    """Warned of once until it changes; a deployment that a newer mftctl replaces keeps its task queue."""
    said: list[str] = []
    server: Any = Server(Good=[given("Good")], X=[])
    queues = TaskQueues(server, None, ScheduleIds(server), Warnings(said.append))
    for _ in range(5):
        assert await queues.current() == {"q.Good"}
    assert len(said) == 1
    server.schedules |= {"Good": [given("Good", schema_version=9)], "X": [payload(1)]}
    for _ in range(5):
        assert await queues.current() == {"q.Good"}
    assert len(said) == 3


@in_loop
@pytest.mark.parametrize("counts", [True, False])
async def test_a_worker_asks_no_more_for_many_deployments(
    monkeypatch: pytest.MonkeyPatch, counts: bool
) -> None:
    """Per check, their number and one description; new ones are found at once, a moved one within a round.

    They are listed when there are more of them, or after a while; each time by a server that does not count them.
    """
    count = 60
    server: Any = Server(**{f"D{number}": [given(f"D{number}")] for number in range(count)})
    server.counts = counts
    queues = TaskQueues(server, None, ScheduleIds(server), Warnings(print))
    assert len(await queues.current()) == count
    server.described.clear()
    server.lists = 0
    for _ in range(30):
        await queues.current()
    assert (server.lists, len(server.described)) == (0 if counts else 30, 30)
    server.schedules |= {"New": [given("New")], "D7": [given("D7", "moved")]}
    del server.schedules["D1"]
    assert "q.New" in await queues.current()
    monkeypatch.setattr(schedule_ids, "LIST_AGAIN", -1)
    for _ in range(3):
        await queues.current()
    assert "q.D1" not in await queues.current()
    looks = 0
    while "moved" not in await queues.current():
        looks += 1
    assert looks <= count
    assert "q.D7" not in await queues.current()


@in_loop
async def test_whoever_asks_at_the_same_time_shares_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker of all deployments looks for them and for task queues of @resources with one request."""
    monkeypatch.setattr(schedule_ids, "FRESH", 60.0)
    server: Any = Server(A=[given("A")])
    server.counts = False
    schedules = ScheduleIds(server)
    await TaskQueues(server, None, schedules, Warnings(print)).current()
    await ResourceQueues(schedules).current(["q.A"], Resources(1.0))
    assert server.lists == 1


@in_loop
async def test_a_named_worker_asks_for_no_list() -> None:
    """It serves those that are there, and one that comes back."""
    server: Any = Server(A=[given("A")], B=[given("B")])
    queues = TaskQueues(server, frozenset({"A", "B"}), ScheduleIds(server), Warnings(print))
    assert await queues.current() == {"q.A", "q.B"}
    gone = server.schedules.pop("A")
    for _ in range(4):
        now = await queues.current()
    assert now == {"q.B"}
    server.schedules["A"] = gone
    assert await queues.current() == {"q.A", "q.B"}
    assert server.lists == 0


@in_loop
@pytest.mark.parametrize("wanted", [None, frozenset({"A", "B"})])
async def test_runs_of_a_deployment_that_is_gone_are_served_to_their_end(
    wanted: frozenset[str] | None,
) -> None:
    """So are those on the task queue that a deployment had before; then nobody looks there any more."""
    server: Any = Server(A=[given("A")], B=[given("B")])
    queues = TaskQueues(server, wanted, ScheduleIds(server), Warnings(print))
    await queues.current()
    server.running = {"q.A": 1, "q.B": 2}
    del server.schedules["A"]
    server.schedules["B"] = [given("B", "moved")]
    for _ in range(6):
        now = await queues.current()
    assert now == {"q.A", "q.B", "moved"}
    server.running = {"q.B": 1}
    for _ in range(3):
        now = await queues.current()
    assert now == {"q.B", "moved"}
    server.schedules["B"] = [given("B")]
    for _ in range(4):
        now = await queues.current()
    assert now == {"q.B"}


@in_loop
async def test_lists_of_runs_have_no_workflows_of_others() -> None:
    """A workflow that is called like a run, and whose memo is another's or cannot be read, is left out."""
    memos: dict[str, Any] = {
        "temporal-f-1": {"deployment": payload("F"), "tasks": payload([1, 2])},
        "temporal-none": {},
        "temporal-text": {"deployment": payload("F"), "tasks": payload("many"), "began": payload("once")},
        "temporal-secret": {"deployment": payload(b"0", b"binary/encrypted")},
    }

    async def executions(*_: Any, **__: Any) -> Any:
        for name, memo in memos.items():
            raw = WorkflowExecutionInfo(type=WorkflowType(name="F"), memo=Memo(fields=memo))
            raw.execution.workflow_id = name
            yield WorkflowExecution._from_raw_info(raw, "default", DataConverter.default)

    server: Any = SimpleNamespace(list_workflows=executions)
    listed = await found.list_runs(server, flow=None, deployment=None, statuses=(), limit=10)
    assert [one.run_id for one in listed] == ["temporal-f-1"]


@in_loop
async def test_a_run_of_a_newer_mftctl_is_refused_in_words() -> None:
    """Exit code 6, with what is wrong, for a run that was started with what cannot be read."""
    newer = given("X", schema_version=9)
    for odd, said in ((newer, "schema 9 is newer"), (payload(b"0", b"binary/encrypted"), "encrypted")):
        with pytest.raises(MftctlError, match=said) as caught:
            await input_of(DataConverter.default, [odd])
        assert caught.value.exit == Exit.CONFLICT
