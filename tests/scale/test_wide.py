"""Wide, deep and long runs on a real server, with a stand-in for their tasks: what the engine and Temporal cost.

Each test prints its figures (`./just scale`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import standin
from scenarios import NESTED
from standin import Call, Engine, Script, ended, foreach, goes, hangs, linear, manifest, until, waits

from mftctl.engine.history_limits import MAX_EVENTS
from mftctl.model.manifest import Manifest, Step
from mftctl.model.task import Outcome
from mftctl.operations.open_client import quiet_sdk

pytestmark = [pytest.mark.scale, pytest.mark.timeout(1800)]

#: What no history and no payload of a run may reach: events, bytes of a history, bytes of an event.
EVENTS, HISTORY, PAYLOAD = 10_000, 10_000_000, 256 * 1024
#: Tasks at once.
SLOTS = 100


@dataclass(frozen=True)
class Figures:
    """What a run took: seconds, workflows, and the most of events, of bytes, and of bytes in one event."""

    seconds: float
    workflows: int
    events: int
    bytes: int
    payload: int


def served(test: Callable[[Engine], Awaitable[None]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with a server and a worker of its own."""
    monkeypatch.setattr(standin, "TIMEOUT", 1800.0)
    quiet_sdk()

    async def whole() -> None:
        async with standin.server() as client:
            engine = Engine(client)
            async with engine.worker():
                await test(engine)

    asyncio.run(whole())


async def run(engine: Engine, given: Manifest, tasks: int, **more: Any) -> tuple[Script, Figures]:
    """Make a run that ends well, each of its ``tasks`` once and within all limits."""
    began = time.monotonic()
    script, handle = await engine.start(given, **more)
    assert (await ended(handle)).status == "completed"
    seconds = time.monotonic() - began
    assert len(script.names) == len(set(script.names)) == tasks
    figures = await _figures(engine, handle.id, seconds)
    print(f"{given.flow}: {tasks} tasks, {seconds / tasks * 1000:.1f} ms each, {figures}")
    assert figures.events < EVENTS
    assert figures.bytes < HISTORY
    assert figures.payload < PAYLOAD
    return script, figures


async def _figures(engine: Engine, run_id: str, seconds: float) -> Figures:
    events, size, payload, count = 0, 0, 0, 0
    async for found in engine.client.list_workflows(f'RootWorkflowId = "{run_id}"'):
        history = await engine.client.get_workflow_handle(found.id, run_id=found.run_id).fetch_history()
        sizes = [event.ByteSize() for event in history.events]
        events, size, payload = max(events, len(sizes)), max(size, sum(sizes)), max(payload, *sizes)
        count += 1
    return Figures(round(seconds, 1), count, events, size, payload)


def test_ten_thousand_splits_cost_what_five_hundred_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A split of a foreach of 10,000 takes at most 1.1 times as long as one of 500."""

    async def test(engine: Engine) -> None:
        cost = {}
        for width in (500, 10_000):
            given = manifest(f"Wide{width}", foreach(), max_workers=SLOTS)
            _, figures = await run(engine, given, width + 3, widths={"start": width})
            cost[width] = figures.seconds / width
        print(f"a split of 10,000 against one of 500: {cost[10_000] / cost[500]:.2f}")
        assert cost[10_000] <= 1.1 * cost[500]

    served(test, monkeypatch)


SHAPES: dict[str, tuple[tuple[Step, ...], dict[str, int], int]] = {
    "a hundred foreaches of a hundred": (NESTED, {"start": 100, "middle": 100}, 10_203),
    "fifty splits of forty steps": (foreach(tuple(f"s{one}" for one in range(40))), {"start": 50}, 2_003),
    "thirty thousand tasks": (foreach(("one", "two", "three")), {"start": 10_000}, 30_003),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_large_run_stays_within_the_limits(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Of Temporal: in events and bytes of a history, and bytes of an event."""
    steps, widths, tasks = SHAPES[name]
    given = manifest(name.title().replace(" ", ""), steps, max_workers=SLOTS)
    served(lambda engine: _ignored(run(engine, given, tasks, widths=widths)), monkeypatch)


def test_a_loop_of_two_thousand_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A switch that goes back to itself: one task at a time, in workflows that continue as new."""
    steps = (
        Step("start", "linear", ("loop",)),
        Step("loop", "split-switch", ("loop", "end")),
        Step("end", "end"),
    )
    turns = goes(*[Outcome(("loop",))] * 1_999, Outcome(("end",)))

    async def test(engine: Engine) -> None:
        _, figures = await run(engine, manifest("Loop", steps), 2_002, acts={"loop": turns})
        assert figures.events < MAX_EVENTS + 10

    served(test, monkeypatch)


def test_a_slow_split_does_not_slow_down_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """5,000 splits beside one that takes as long as all of them: they take at most 1.1 times as long as without it."""

    async def test(engine: Engine) -> None:
        given, gate = manifest("Slow", foreach(), max_workers=16), asyncio.Event()

        async def timed(**acts: Any) -> float:
            began = time.monotonic()
            script, handle = await engine.start(given, acts, widths={"start": 5_001})
            await until(lambda: len(script.ended) >= 5_001)
            seconds = time.monotonic() - began
            gate.set()
            assert (await ended(handle)).status == "completed"
            return seconds

        without, beside = await timed(), await timed(**{"work[100]": waits(gate)})
        print(f"5,000 splits: {without:.1f} s; beside a slow one: {beside:.1f} s ({beside / without:.2f})")
        assert beside <= 1.1 * without

    served(test, monkeypatch)


def test_a_wide_run_is_cancelled_within_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of 10,000 splits, of which at least fifty run that never end by themselves."""

    async def test(engine: Engine) -> None:
        async def work(call: Call) -> None:
            if call.task is not None and call.task.task.ref.path[0] % 10 == 9:
                await hangs(call)

        given = manifest("Cancelled", foreach(), max_workers=SLOTS)
        script, handle = await engine.start(given, {"work": work}, widths={"start": 10_000})
        await until(lambda: len(script.names) - len(script.ended) >= SLOTS // 2 and len(script.ended) > 500)
        began = time.monotonic()
        await handle.cancel()
        assert (await ended(handle)).status == "cancelled"
        seconds = time.monotonic() - began
        print(f"cancelled in {seconds:.1f} s")
        assert seconds < 10.0
        assert len(script.ended) == len(script.names)

    served(test, monkeypatch)


def test_five_hundred_runs_at_once_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """500 runs of three steps, started at once: each ends, and takes at most 1.25 times what one of 50 does."""

    async def test(engine: Engine) -> None:
        given, cost = manifest("Burst", linear("middle")), {}
        for count in (50, 500):
            began = time.monotonic()
            handles = [handle for _, handle in await _all(engine.start(given) for _ in range(count))]
            assert {one.status for one in await _all(ended(handle) for handle in handles)} == {"completed"}
            cost[count] = (time.monotonic() - began) / count
        print(f"a run of a burst of 500: {cost[500] * 1000:.1f} ms, of 50: {cost[50] * 1000:.1f} ms")
        assert cost[500] <= 1.25 * cost[50]

    served(test, monkeypatch)


async def _all(work: Any) -> list[Any]:
    return list(await asyncio.gather(*work))


async def _ignored(work: Awaitable[Any]) -> None:
    await work
