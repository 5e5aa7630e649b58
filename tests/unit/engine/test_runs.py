"""How a run goes from task to task: pause, cancel, failure, retry, deadline, parts, hooks."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from scenarios import BRANCHES, HOOKS, NESTED
from shapes import Block, Flow
from standin import Call, Engine, ended, fails, foreach, goes, hangs, linear, manifest, until, waits
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner

from mftctl.control.runs import outcome
from mftctl.control.runs.lookup import describe
from mftctl.engine import driver, history_limits
from mftctl.engine.payloads import RunInput
from mftctl.model.task import Outcome

_SCHEDULED = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED


async def test_tasks_run_in_the_order_of_the_flow(engine: Engine) -> None:
    """One after the other; each is told what feeds it, and the first the run's parameters."""
    script, how = await engine.run(manifest("Line", linear("a", "b")), parameters={"x": "1"})
    assert how.status == "completed"
    assert script.names == ["start", "a", "b", "end"]
    assert [call.task.parameters for call in script.calls] == [{"x": "1"}, {}, {}, {}]
    assert [[one.ref.step for one in call.task.task.inputs] for call in script.calls[1:]] == [
        ["start"],
        ["a"],
        ["b"],
    ]


async def test_branches_run_side_by_side(engine: Engine) -> None:
    """A join waits for the slowest, and takes its inputs by name of step."""
    gate = asyncio.Event()
    script, handle = await engine.start(manifest("Split", BRANCHES), {"left": waits(gate)})
    await until(lambda: "right" in script.ended)
    assert "meet" not in script.names
    gate.set()
    assert (await ended(handle)).status == "completed"
    assert [one.ref.step for one in script.calls[-2].task.task.inputs] == ["left", "right"]


async def test_a_paused_run_starts_nothing(engine: Engine) -> None:
    """What runs finishes, nothing follows until it is unpaused, and a second pause changes nothing."""
    gate = asyncio.Event()
    script, handle = await engine.start(manifest("Pause", linear("a")), {"start": waits(gate)})
    await script.began("start")
    await handle.signal("pause", True)
    await handle.signal("pause", True)
    gate.set()
    await until(lambda: "start" in script.ended)
    assert await handle.query("paused") is True
    assert (await describe(engine.client, handle.id)).status == "paused"
    await asyncio.sleep(0.1)  # in which the next task would have begun
    assert script.names == ["start"]
    await handle.signal("pause", False)
    assert (await ended(handle)).status == "completed"


async def test_a_pause_reaches_the_parts_of_a_wide_foreach(engine: Engine) -> None:
    """Child workflows start nothing more either."""
    gate = asyncio.Event()
    given = manifest("PauseWide", foreach(("work", "more")), max_workers=10)
    script, handle = await engine.start(given, {"work": waits(gate)}, widths={"start": 101})
    await script.began("work[0]")
    await handle.signal("pause", True)
    part = engine.client.get_workflow_handle(f"{handle.id}.work-0")
    await until(lambda: part.query("paused"))
    gate.set()
    await until(lambda: len(script.ended) >= 6)  # the start, and the five slots that the part has
    await asyncio.sleep(0.1)
    assert not [name for name in script.names if name.startswith("more")]
    await handle.signal("pause", False)
    assert (await ended(handle)).status == "completed"
    assert script.names.count("more[100]") == 1


async def test_a_cancelled_run_stops_its_tasks_first(engine: Engine) -> None:
    """It ends as cancelled when they have ended, and runs the hooks of a bad end."""
    script, handle = await engine.start(
        manifest("Cancel", BRANCHES, error_hooks=("bad",)), {"left": hangs, "right": hangs}
    )
    await script.began("left")
    await script.began("right")
    await handle.cancel()
    assert (await ended(handle)).status == "cancelled"
    assert sorted(script.ended[1:3]) == ["left", "right"]
    assert script.names[-1] == "@bad"


async def test_a_run_that_waits_to_retry_is_cancelled_at_once(engine: Engine) -> None:
    """The next attempt is never made, however long it would have been waited for."""
    script, handle = await engine.start(
        manifest("CancelRetry", linear("a"), error_hooks=("bad",)),
        {"a": fails(times=2, delay=timedelta(hours=1))},
    )
    await until(lambda: script.ended.count("a") == 1)
    await until(lambda: _pending(handle, attempt=2))
    await handle.cancel()
    assert (await ended(handle)).status == "cancelled"
    assert script.names == ["start", "a", "@bad"]


async def test_a_task_that_no_worker_has_taken_is_cancelled_with_its_run(engine: Engine) -> None:
    """A run ends as cancelled with its tasks scheduled, once its workflow task is served; none of them runs."""
    given = manifest("CancelScheduled", linear("a"), task_queue="no-tasks-here")
    script, handle = await engine.start(given)
    async with engine.worker(task_queue="no-tasks-here", activities=[]):
        await until(lambda: _pending(handle))
        await handle.cancel()
        assert (await ended(handle)).status == "cancelled"
    assert script.names == []


async def test_the_first_failure_stops_the_others(engine: Engine) -> None:
    """The run fails with its message, and nothing starts after it."""
    script, how = await engine.run(manifest("Fail", BRANCHES), {"left": fails("no data"), "right": hangs})
    assert (how.status, how.step, how.message) == ("failed", "left", "step left failed: no data")
    assert "right" in script.ended
    assert "meet" not in script.names


async def test_a_failure_in_a_part_stops_its_siblings(engine: Engine) -> None:
    """The failure of a split in a child workflow is the run's, with its task."""
    given = manifest("FailWide", foreach(), max_workers=8)
    script, how = await engine.run(given, {"work": hangs, "work[3]": fails()}, widths={"start": 101})
    assert (how.status, how.step, how.task) == ("failed", "work", "temporal-work-3")
    assert "join" not in script.names


async def test_a_task_is_tried_again(engine: Engine) -> None:
    """Under the same id, with the next number, until it ends well."""
    script, how = await engine.run(manifest("Retry", linear("a")), {"a": fails(times=2)})
    assert how.status == "completed"
    assert [call.attempt for call in script.calls if call.name == "a"] == [0, 1, 2]


async def test_a_deadline_ends_the_run(engine: Engine) -> None:
    """A run that passes its workflow timeout stops its tasks, and says so: for whoever waits it is exit code 3."""
    for timeout in (0.3, 3.0, 30.0):  # on a busy machine it takes longer to get to the task that hangs
        given = manifest("Late", linear("a"), workflow_timeout=timeout)
        script, handle = await engine.start(given, {"a": hangs})
        how = await ended(handle)
        if "a" in script.names:
            break
    assert how.status == (await describe(engine.client, handle.id)).status == "timed_out"
    assert "a" in script.ended
    error = outcome.run_failed(handle.id, how, "")
    assert (error.exit, error.code) == (3, "run.timed_out")
    assert str(error) == f"run {handle.id} timed out: the run passed its workflow timeout of {timeout:g} s"


async def test_a_task_that_goes_where_its_code_does_not(engine: Engine) -> None:
    """The run fails in Metaflow's words, with the step."""
    _, how = await engine.run(manifest("Astray", linear("a")), {"a": goes(Outcome(("start",)))})
    assert (how.status, how.step) == ("failed", "a")
    assert "was expected to transition" in how.message


async def test_a_wide_foreach_runs_in_parts(engine: Engine) -> None:
    """Each split once, at most max_workers at a time, and one join for all."""
    now, most = set(), 0

    async def work(call: Call) -> None:
        nonlocal most
        now.add(call.name)
        most = max(most, len(now))
        await asyncio.sleep(0.01)
        now.discard(call.name)

    given = manifest("Wide", foreach(), max_workers=20)
    script, how = await engine.run(given, {"work": work}, widths={"start": 260})
    assert how.status == "completed"
    assert sorted(script.names) == sorted(["start", *(f"work[{one}]" for one in range(260)), "join", "end"])
    assert most <= 20
    (joined,) = next(call for call in script.calls if call.name == "join").task.task.inputs
    assert (joined.ref.step, joined.low, joined.count) == ("work", 0, 260)


async def test_a_slow_split_keeps_one_slot(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other that its part has goes to one that has not started: three of four tasks run beside the slow one."""
    monkeypatch.setattr(driver, "INLINE", 10)
    monkeypatch.setattr(driver, "CHUNK", 20)
    gate, late, now, most = asyncio.Event(), asyncio.Event(), set(), 0

    async def work(call: Call) -> None:
        nonlocal most
        if call.name == "work[0]":
            await gate.wait()
        elif call.task.task.ref.path[0] >= 20:  # of the second part, which has two slots, or of the third
            now.add(call.name)
            most = max(most, len(now))
            if most >= 3:
                late.set()
            await late.wait()

    given = manifest("Straggler", foreach(), max_workers=4)
    script, handle = await engine.start(given, {"work": work}, widths={"start": 50})
    await until(late.is_set)
    assert "work[0]" not in script.ended
    gate.set()
    assert (await ended(handle)).status == "completed"
    assert len(script.names) == len(set(script.names)) == 50 + 3


async def test_slots_that_were_given_back_stay_so(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when a part continues as new: it has what it kept, and gives nothing back twice."""
    for module, name, value in (
        (driver, "INLINE", 5),
        (driver, "CHUNK", 10),
        (history_limits, "MAX_EVENTS", 20),
    ):
        monkeypatch.setattr(module, name, value)
    given = manifest("Kept", foreach(("one", "two")), max_workers=8)
    alone, kept = asyncio.Event(), {}

    async def work(call: Call) -> None:
        if call.name == "one[0]":
            await alone.wait()

    def continued(part: RunInput) -> None:
        if part.scope is not None and part.scope.low == 0:
            kept["slots"] = part.slots
        real(part)

    real = driver.continue_as_new
    monkeypatch.setattr(driver, "continue_as_new", continued)
    script, handle = await engine.start(given, {"one": work}, widths={"start": 30})
    await until(lambda: all(f"two[{number}]" in script.ended for number in range(1, 10)))
    part = engine.client.get_workflow_handle(f"{handle.id}.one-0")
    await until(lambda: _is_signalled(engine, part.id, handle.id))
    alone.set()
    assert (await ended(handle)).status == "completed"
    assert kept == {"slots": 1}


async def _is_signalled(engine: Engine, part: str, run_id: str) -> bool:
    """Whether a run's workflow has got back three of the four slots of a part."""
    history = await engine.client.get_workflow_handle(run_id).fetch_history()
    signals = [event.workflow_execution_signaled_event_attributes for event in history.events]
    values = [
        [json.loads(one.data) for one in signal.input.payloads] for signal in signals if signal.signal_name
    ]
    return sum(number for name, number in values if name == part) == 3


async def test_hooks_run_after_the_last_task(engine: Engine) -> None:
    """Those of the end that it was, in their order; one that fails fails nothing."""
    script, how = await engine.run(
        manifest("Good", linear(), success_hooks=("one", "two")), {"@one": fails()}
    )
    assert how.status == "completed"
    assert script.names == ["start", "end", "@one", "@two"]
    script, how = await engine.run(manifest("Bad", linear("a"), **HOOKS), {"a": fails()})
    assert how.status == "failed"
    assert [name for name in script.names if name.startswith("@")] == ["@bad", "@worse"]


@pytest.mark.parametrize("late", [False, True], ids=["as it happens", "drained"])
async def test_a_long_run_continues_as_new(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """It does when nothing is in flight, or starts nothing more when it must; every task runs once all the same."""
    monkeypatch.setattr(history_limits, "MAX_EVENTS", 30)
    monkeypatch.setattr(history_limits, "DRAIN_EVENTS", 60 if late else 20_000)
    script, handle = await engine.start(manifest("Long", NESTED), widths={"start": 3, "middle": 30})
    first = (await handle.describe()).run_id
    assert (await ended(handle)).status == "completed"
    assert (await handle.describe()).run_id != first
    assert len(script.names) == len(set(script.names)) == 3 * 30 + 3 + 3 + 3


async def test_a_slow_task_idles_no_slot_of_a_long_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From MAX_EVENTS on a run continues as new only when nothing is in flight: other tasks start meanwhile."""
    monkeypatch.setattr(history_limits, "MAX_EVENTS", 20)
    gate = asyncio.Event()
    given = manifest("Slow", foreach(), max_workers=4)
    script, handle = await engine.start(given, {"work[0]": waits(gate)}, widths={"start": 60})
    await until(lambda: "work[59]" in script.ended)
    gate.set()
    assert (await ended(handle)).status == "completed"


async def test_random_flows_replay_at_every_step(engine: Engine) -> None:
    """Without a cache every workflow task replays the run so far, and finds the commands that were made."""
    other = Engine(engine.client, engine.standin, "uncached")
    chance = random.Random(5)  # noqa: S311 - shapes, not secrets
    async with other.worker(max_cached_workflows=0, workflow_runner=UnsandboxedWorkflowRunner()):
        await asyncio.gather(*(_random(other, Flow.of(_blocks(chance, 1)), number) for number in range(5)))


async def _random(engine: Engine, flow: Flow, number: int) -> None:
    async def act(call: Call) -> Outcome:
        return flow.outcome(call.task.task.ref)

    given = manifest(f"Random{number}", flow.graph.values(), task_queue=engine.queue, max_workers=5)
    # As `run` starts it, which tells no deployment of its end: without a cache a local activity is begun anew.
    given = replace(given, launch=replace(given.launch, cwd="/"))
    script, how = await engine.run(given, dict.fromkeys(flow.graph, act))
    assert how.status == "completed"
    inputs = {
        call.task.task.ref: [ref for one in call.task.task.inputs for ref in one.refs()]
        for call in script.calls
    }
    assert inputs == flow.expected


def _blocks(chance: random.Random, depth: int) -> tuple[Block, ...]:
    made = []
    for _ in range(chance.randint(1, 2)):
        kind = chance.choice(("linear", "loop", *(("split", "switch", "foreach") if depth else ())))
        parts = {"split": 2, "switch": 2, "foreach": 1}.get(kind, 0)
        inner = tuple(_blocks(chance, depth - 1) for _ in range(parts))
        made.append(Block(kind, chance.randint(1, 4), inner))
    return tuple(made)


async def test_a_resumed_run_says_what_is_void(engine: Engine) -> None:
    """Its tasks have new ids; none takes a result older than what feeds it, or than the step is to run again from."""
    given = manifest("Again", linear("a"))
    script, how = await engine.run(given, generation=2, since={"start": 1})
    assert how.status == "completed"
    told = {call.task.task.ref.task_id: call.task.since for call in script.calls}
    assert told == {"temporal-start-0-g2": 1, "temporal-a-0-g2": 2, "temporal-end-0-g2": 2}


async def _pending(handle: WorkflowHandle[Any, Any], attempt: int = 1) -> bool:
    """Whether a task of the run waits to be taken for its n-th attempt."""
    pending = (await handle.describe()).raw_description.pending_activities
    return any(one.attempt == attempt and one.state == _SCHEDULED for one in pending)
