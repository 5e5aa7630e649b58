"""Runs of every shape, with a stand-in for their tasks: what is recorded, and what any build must do well.

Each is ended or, where its name says ``open``, stopped where a worker would go on. Their ids begin with their names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from standin import Engine, Script, ended, fails, foreach, goes, hangs, linear, manifest, until, waits
from temporalio.client import WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from mftctl.control import workflow_options
from mftctl.engine.payloads import RunInput
from mftctl.events import listener
from mftctl.model import ids
from mftctl.model.manifest import Manifest, Receiver, Step, Trigger
from mftctl.model.task import Outcome

Scenario = Callable[[Engine], Awaitable[None]]
SCENARIOS: dict[str, Scenario] = {}

#: What each task is given: a history of some 200 tasks is so large that the server suggests to continue as new.
LARGE = {"PAD": "x" * 20_000}
#: The same of an event.
LARGE_EVENT = "x" * 100_000
#: Pauses that somebody signals, at two events each: enough to be long before the first compensation.
SIGNALS = 2100

NESTED = (
    Step("start", "foreach", ("middle",), join="outer"),
    Step("middle", "foreach", ("work",), join="inner"),
    Step("work", "linear", ("inner",)),
    Step("inner", "join", ("outer",), split="middle"),
    Step("outer", "join", ("end",), split="start"),
    Step("end", "end"),
)
BRANCHES = (
    Step("start", "split", ("left", "right"), join="meet"),
    Step("left", "linear", ("meet",)),
    Step("right", "linear", ("meet",)),
    Step("meet", "join", ("end",), split="start"),
    Step("end", "end"),
)
SWITCH = (
    Step("start", "start", ("loop",)),
    Step("loop", "split-switch", ("loop", "choose")),
    Step("choose", "split-switch", ("one", "two")),
    Step("one", "linear", ("end",)),
    Step("two", "linear", ("end",)),
    Step("end", "end"),
)
PARALLEL = (
    Step("start", "foreach", ("work",), join="gather", parallel=True),
    Step("work", "linear", ("gather",)),
    Step("gather", "join", ("end",), split="start"),
    Step("end", "end"),
)
UNDO = (Step("undo", "linear"), Step("undo_more", "linear"))
TRIP = linear("book", "pay", "go", book={"compensation": "undo"}, pay={"compensation": "undo_more"})
RECEIVERS = (Receiver("http://a.test"), Receiver("http://b.test", "KEY"))
HOOKS: dict[str, Any] = {"success_hooks": ("good",), "error_hooks": ("bad", "worse"), "notify": RECEIVERS}


def scenario(name: str) -> Callable[[Scenario], Scenario]:
    def add(made: Scenario) -> Scenario:
        SCENARIOS[name] = made
        return made

    return add


def _id(name: str) -> str:
    return f"temporal-{name}"


def _simple(name: str, status: str, given: Manifest, **more: Any) -> None:
    """A run from its start to its end."""

    async def made(engine: Engine) -> None:
        acts = {step: act() for step, act in more.get("acts", {}).items()}
        rest = {key: value for key, value in more.items() if key != "acts"}
        _, how = await engine.run(given, acts, run_id=_id(name), **rest)
        assert how.status == status, how

    SCENARIOS[name] = made


_simple("linear", "completed", manifest("Linear", linear("a", "b")), parameters={"x": "1"}, tags=("t",))
_simple("branches", "completed", manifest("Branches", BRANCHES))
_simple("foreach", "completed", manifest("Foreach", foreach(("a", "b"))), widths={"start": 5})
_simple("nested", "completed", manifest("Nested", NESTED), widths={"start": 3, "middle": 4})
_simple("wide", "completed", manifest("Wide", foreach(), max_workers=40), widths={"start": 330})
_simple("parallel", "completed", manifest("Parallel", PARALLEL), acts={
    "start": lambda: goes(Outcome(("work",), parallel=True)),
})  # fmt: skip
_simple("switch", "completed", manifest("Switch", SWITCH), acts={
    "loop": lambda: goes(Outcome(("loop",)), Outcome(("loop",)), Outcome(("choose",))),
    "choose": lambda: goes(Outcome(("two",))),
})  # fmt: skip
_simple("retried", "completed", manifest("Retried", linear("a", a={"user_retries": 3})), acts={
    "a": lambda: fails(times=2),
})  # fmt: skip
_simple("failed", "failed", manifest("Failed", BRANCHES, **HOOKS), acts={
    "left": fails, "right": lambda: hangs,
})  # fmt: skip
_simple("failed-wide", "failed", manifest("FailedWide", foreach()), widths={"start": 120}, acts={
    "work[7]": fails,
})  # fmt: skip
_simple("misfit", "failed", manifest("Misfit", linear("a")), acts={
    "a": lambda: goes(Outcome(("elsewhere",))),
})  # fmt: skip
_simple("hooks", "completed", manifest("Hooks", linear("a"), **HOOKS))
_simple("timed-out", "timed_out", manifest("TimedOut", linear("a"), workflow_timeout=0.5, **HOOKS), acts={
    "a": lambda: hangs,
})  # fmt: skip
_simple("saga", "failed", manifest("Saga", TRIP, compensations=UNDO, **HOOKS), acts={"go": fails})
_simple("saga-failing", "failed", manifest("SagaFailing", TRIP, compensations=UNDO), acts={
    "go": fails, "undo_more": fails,
})  # fmt: skip
_simple("saga-wide", "failed", manifest(
    "SagaWide", foreach(work={"compensation": "undo"}), compensations=UNDO, max_workers=30,
), widths={"start": 104}, acts={"join": fails})  # fmt: skip
_simple("saga-wide-failed", "failed", manifest(
    "SagaWideFailed", foreach(work={"compensation": "undo"}), compensations=UNDO, max_workers=30,
), widths={"start": 104}, acts={"work[60]": fails})  # fmt: skip
_simple(
    "continued",
    "completed",
    manifest("Continued", NESTED),
    widths={"start": 6, "middle": 60},
    variables=LARGE,
)


@scenario("continued-wide")
async def _(engine: Engine) -> None:
    """The splits of a child workflow loop until it continues as new."""
    loop = (
        Step("start", "foreach", ("loop",), join="join"),
        Step("loop", "split-switch", ("loop", "join")),
        Step("join", "join", ("end",), split="start"),
        Step("end", "end"),
    )

    async def turns(call: Any) -> Outcome:
        return Outcome(("loop",) if call.task.task.ref.iteration < 2 else ("join",))

    given = manifest("ContinuedWide", loop, max_workers=80)
    _, how = await engine.run(given, {"loop": turns}, _id("continued-wide"), {"start": 110}, variables=LARGE)
    assert how.status == "completed"


@scenario("paused")
async def _(engine: Engine) -> None:
    """Paused before a step, and in a part of a wide foreach."""
    gate = asyncio.Event()
    given = manifest("Paused", foreach(("work", "more")), max_workers=20)
    script, handle = await engine.start(given, {"work": waits(gate)}, _id("paused"), {"start": 120})
    await script.began("work[0]")
    await _pause(handle, True)
    gate.set()
    await _pause(handle, False)
    assert (await ended(handle)).status == "completed"


@scenario("cancelled")
async def _(engine: Engine) -> None:
    await _cancelled(engine, "cancelled", manifest("Cancelled", BRANCHES, **HOOKS), "left")


@scenario("cancelled-wide")
async def _(engine: Engine) -> None:
    given = manifest("CancelledWide", foreach(), max_workers=30)
    await _cancelled(engine, "cancelled-wide", given, "work[0]", widths={"start": 120})


@scenario("saga-cancelled")
async def _(engine: Engine) -> None:
    given = manifest("SagaCancelled", TRIP, compensations=UNDO, **HOOKS)
    await _cancelled(engine, "saga-cancelled", given, "go")


@scenario("saga-cancelled-twice")
async def _(engine: Engine) -> None:
    """Cancelled again while it compensates: the compensations run to their end."""
    gate = asyncio.Event()
    given = manifest("SagaCancelledTwice", TRIP, compensations=UNDO)
    acts = {"go": hangs, "undo_more": waits(gate)}
    script, handle = await engine.start(given, acts, _id("saga-cancelled-twice"))
    await script.began("go")
    await handle.cancel()
    await script.began("undo_more")
    await handle.cancel()
    gate.set()
    assert (await ended(handle)).status == "cancelled"


@scenario("saga-continued")
async def _(engine: Engine) -> None:
    """Continued as new while it compensates."""
    gate = asyncio.Event()

    async def go(call: Any) -> None:
        await gate.wait()
        await fails()(call)

    given = manifest("SagaContinued", TRIP, compensations=UNDO, **HOOKS)
    script, handle = await engine.start(given, {"go": go}, _id("saga-continued"))
    await _lengthen(script, handle)
    gate.set()
    assert (await ended(handle)).status == "failed"
    assert script.names.count("undo") == 1


@scenario("saga-cancelled-continued")
async def _(engine: Engine) -> None:
    """Cancelled, and continued as new while it compensates."""
    given = manifest("SagaCancelledContinued", TRIP, compensations=UNDO, **HOOKS)
    script, handle = await engine.start(given, {"go": hangs}, _id("saga-cancelled-continued"))
    await _lengthen(script, handle)
    await handle.cancel()
    await ended(handle)
    assert script.names.count("undo") == 1


@scenario("resumed")
async def _(engine: Engine) -> None:
    """Resumed twice: by the same run, and as one of its own that begins with its results."""
    given = manifest("Resumed", BRANCHES)
    _, how = await engine.run(given, {"left": fails()}, _id("resumed"))
    assert how.status == "failed"
    _, how = await engine.run(given, {}, _id("resumed"), generation=1, since={"right": 1})
    assert how.status == "completed"
    made = {"origin": _id("resumed"), "origin_executions": 2}
    _, how = await engine.run(given, {}, _id("resumed-new"), **made)
    assert how.status == "completed"


@scenario("scheduled")
async def _(engine: Engine) -> None:
    """As a Schedule starts a run: no run id, and the time that it was due."""
    given, workflow_id = manifest("Scheduled", linear("a")), f"{_id('scheduled')}-2026-01-02T03:04:05Z"
    engine.standin.scripts[ids.run_id_of(workflow_id)] = Script(given)
    due = SearchAttributePair(_due(), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    handle = await engine.client.start_workflow(
        given.flow,
        RunInput(given, "").to_plain(),
        id=workflow_id,
        task_queue=engine.queue,
        memo=workflow_options.initial_memo(RunInput(given, "")),
        search_attributes=TypedSearchAttributes([due]),
    )
    assert (await ended(handle)).status == "completed"


@scenario("listener")
async def _(engine: Engine) -> None:
    """Events that start runs, that come twice, that are none, until the deployment is gone."""
    engine.standin.triggers["Heard"] = (Trigger("a"), Trigger("b"))
    handle = await _listener(engine, "Heard")
    for event in (
        {"name": "a", "id": "1"},
        {"name": "a", "id": "1"},
        {"nothing": 1},
        {"name": "b", "id": "2"},
    ):
        await handle.signal(listener.SIGNAL, event)
    await until(lambda: ["1", "2"] in engine.standin.started)
    del engine.standin.triggers["Heard"]
    await handle.signal(listener.SIGNAL, {"name": "a", "id": "3"})
    await handle.result()


@scenario("listener-continued")
async def _(engine: Engine) -> None:
    """So many events that it continues as new, and then one more."""
    engine.standin.triggers["HeardLong"] = (Trigger("a"),)
    handle = await _listener(engine, "HeardLong")
    first = (await handle.describe()).run_id
    for number in range(1000):
        named = [f"{number}-{one}" for one in range(10)]
        await asyncio.gather(*(handle.signal(listener.SIGNAL, _large(one)) for one in named))
        await until(lambda last=set(named): last <= {one for (one,) in engine.standin.started})
        if (await handle.describe()).run_id != first:
            break
    del engine.standin.triggers["HeardLong"]
    await handle.signal(listener.SIGNAL, {"name": "a", "id": "last"})
    await handle.result()


@scenario("notice-given-up")
async def _(engine: Engine) -> None:
    """A receiver that refuses, and one that is away for two tries."""
    given = manifest("Told", linear("a"), notify=RECEIVERS)
    acts = {"http://a.test": fails(), "http://b.test": fails(times=2)}
    script, how = await engine.run(given, acts, _id("notice"))
    assert how.status == "completed"
    await script.began("http://b.test", 3)


@scenario("open-running")
async def _(engine: Engine) -> None:
    await _open(engine, "open-running", manifest("OpenRunning", BRANCHES), "left")


@scenario("open-wide")
async def _(engine: Engine) -> None:
    given = manifest("OpenWide", foreach(), max_workers=30)
    await _open(engine, "open-wide", given, "work[50]", widths={"start": 120})


@scenario("open-paused")
async def _(engine: Engine) -> None:
    handle = await _open(engine, "open-paused", manifest("OpenPaused", BRANCHES), "left")
    await _pause(handle, True)


@scenario("open-compensating")
async def _(engine: Engine) -> None:
    given = manifest("OpenCompensating", TRIP, compensations=UNDO)
    acts = {"go": fails(), "undo": hangs}
    script, _ = await engine.start(given, acts, _id("open-compensating"))
    await script.began("undo")


@scenario("open-listener")
async def _(engine: Engine) -> None:
    engine.standin.triggers["HeardOpen"] = (Trigger("a"), Trigger("b"))
    handle = await _listener(engine, "HeardOpen")
    await handle.signal(listener.SIGNAL, {"name": "a", "id": "1"})
    await until(lambda: _pending(handle))


def _large(id_: str) -> dict[str, Any]:
    return {"name": "a", "id": id_, "payload": {"data": LARGE_EVENT}}


async def _pending(handle: WorkflowHandle[Any, Any]) -> bool:
    state = await handle.query(listener.STATE, result_type=dict)
    return bool(state["pending"]) and not state["inbox"]


async def _open(
    engine: Engine, name: str, given: Manifest, last: str, widths: dict[str, int] | None = None
) -> WorkflowHandle[Any, Any]:
    """Start a run, and come back when the task ``last``, which never ends, runs."""
    script, handle = await engine.start(given, {last: hangs}, _id(name), widths)
    await script.began(last)
    return handle


async def _cancelled(engine: Engine, name: str, given: Manifest, last: str, **more: Any) -> None:
    """A run that is cancelled while the task ``last`` runs."""
    handle = await _open(engine, name, given, last, **more)
    await handle.cancel()
    assert (await ended(handle)).status == "cancelled"


async def _pause(handle: WorkflowHandle[Any, Any], paused: bool) -> None:
    await handle.signal("pause", paused)

    async def is_so() -> bool:
        return await handle.query("paused", result_type=bool) is paused

    await until(is_so)


async def _lengthen(script: Script, handle: WorkflowHandle[Any, Any]) -> None:
    """Signal until the history is long; then its last task runs."""
    await script.began("go")
    for _ in range(0, SIGNALS, 100):
        await asyncio.gather(*(handle.signal("pause", False) for _ in range(100)))


async def _listener(engine: Engine, deployment: str) -> WorkflowHandle[Any, Any]:
    return await engine.client.start_workflow(
        listener.LISTENER_TYPE,
        {"deployment": deployment},
        id=ids.listener_id(deployment),
        task_queue=engine.queue,
    )


def _due() -> Any:
    from mftctl.engine.payloads import DUE

    return DUE
