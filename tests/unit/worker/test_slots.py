"""Who may poll, and what may run: one limit over all task queues of a worker."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from mftctl.engine.notification import POST
from mftctl.model.resources import Resources, queue_for
from mftctl.worker import slots as slots_module
from mftctl.worker.slots import ANSWERS, Permit, Slots

ONE = Resources(1.0)


def in_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @functools.wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


def context(**given: Any) -> Any:
    return SimpleNamespace(**given)


class Polls:
    """The pollers of task queues, as the SDK has them: each asks for leave, polls, and asks again."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.asked: list[tuple[str, asyncio.Task[Permit]]] = []

    def ask(self, queue: str, count: int = 1) -> None:
        for _ in range(count):
            self.asked.append(
                (queue, asyncio.create_task(self.slots.reserve_slot(context(task_queue=queue))))
            )

    def granted(self) -> list[str]:
        return [queue for queue, task in self.asked if task.done()]

    def permit(self, queue: str) -> Permit:
        """An open poll of the queue, which is then no longer ours."""
        found = next(one for one in self.asked if one[0] == queue and one[1].done())
        self.asked.remove(found)
        return found[1].result()

    def comes(self, queue: str) -> Permit:
        """A task comes by an open poll."""
        permit = self.permit(queue)
        self.slots.mark_slot_used(context(permit=permit, slot_info=None))
        return permit

    def ends(self, permit: Permit) -> None:
        self.slots.release_slot(context(permit=permit, slot_info=None))


async def settle(seconds: float = 0.0) -> None:
    await asyncio.sleep(seconds)
    for _ in range(5):
        await asyncio.sleep(0)


async def settled(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await settle(0.01)


@in_loop
async def test_one_task_queue_is_polled_with_as_many_polls_as_slots() -> None:
    """A single queue never gets more polls and tasks than there are slots, however long polls are open."""
    slots = Slots(2)
    polls = Polls(slots)
    polls.ask("a", 5)
    await settle(2 * ANSWERS)
    assert polls.granted() == ["a", "a"]
    task = polls.comes("a")
    await settle(2 * ANSWERS)
    assert len(polls.granted()) == 1
    polls.ends(task)
    await settle()
    assert len(polls.granted()) == 2


@in_loop
async def test_an_empty_task_queue_keeps_no_other_waiting() -> None:
    """With one slot, three queues are polled in turn, the next when the one before has shown that it is empty."""
    polls = Polls(Slots(1))
    for queue in "abc":
        polls.ask(queue, 5)
    await settle()
    assert polls.granted() == ["a"]
    await settled(lambda: len(polls.granted()) == 3)
    assert sorted(polls.granted()) == ["a", "b", "c"]


@in_loop
async def test_nothing_is_polled_while_tasks_have_all_slots() -> None:
    """A queue whose task runs, or whose poll has ended, is polled again only when a slot is free; then by turns."""
    polls = Polls(Slots(1))
    polls.ask("a", 5)
    polls.ask("b", 5)
    await settled(lambda: len(polls.granted()) == 2)
    assert sorted(polls.granted()) == ["a", "b"]
    task = polls.comes("a")
    polls.ends(polls.permit("b"))  # nothing has come by it for a minute
    await settle(2.5 * ANSWERS)
    assert polls.granted() == []
    polls.ends(task)
    await settle()
    assert polls.granted() == ["a"] or polls.granted() == ["b"]


def test_busy_task_queues_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two queues with a backlog and one slot: their tasks alternate, and never do two come at once."""
    monkeypatch.setattr(slots_module, "ANSWERS", 600.0)  # however long this process stops
    asyncio.run(_take_turns())


async def _take_turns() -> None:
    polls = Polls(Slots(1))
    polls.ask("a", 5)
    polls.ask("b", 5)
    order = []
    for _ in range(10):
        await settle()
        granted = polls.granted()
        assert len(granted) == 1
        order.append(granted[0])
        task = polls.comes(granted[0])
        polls.ask(granted[0])
        await settle()
        polls.ends(task)
    assert order in (["a", "b"] * 5, ["b", "a"] * 5)


@in_loop
async def test_a_notification_takes_no_slot() -> None:
    """A receiver that does not answer keeps no task waiting."""
    polls = Polls(Slots(1))
    polls.ask("a")
    await settle()
    permit = polls.permit("a")
    polls.slots.mark_slot_used(context(permit=permit, slot_info=context(activity_type=POST)))
    polls.ask("b")
    await settle()
    assert polls.granted() == ["b"]


@in_loop
async def test_a_permit_that_is_forgotten_is_free_again() -> None:
    """A worker that shuts down leaves permits behind, and requests that nobody waits for."""
    slots = Slots(1)
    polls = Polls(slots)
    polls.ask("a")
    await settle()
    polls.permit("a")  # and nobody has it now
    polls.ask("b")
    polls.ask("b")
    polls.asked[0][1].cancel()
    await settle(ANSWERS)
    assert len(polls.granted()) == 2  # one of them cancelled
    assert slots.try_reserve_slot(context(task_queue="a")) is None


@in_loop
async def test_tasks_of_a_workflow_task_take_what_no_poll_may_fill() -> None:
    """Eager tasks count as slots from the start."""
    slots = Slots(2)
    first = slots.try_reserve_slot(context(task_queue="a"))
    second = slots.try_reserve_slot(context(task_queue="b"))
    assert first is not None
    assert second is not None
    assert slots.try_reserve_slot(context(task_queue="a")) is None
    polls = Polls(slots)
    polls.ask("c")
    await settle(2 * ANSWERS)
    assert polls.granted() == []
    polls.ends(first)
    await settle()
    assert polls.granted() == ["c"]


@in_loop
async def test_a_task_without_a_slot_waits_or_is_given_back() -> None:
    """Slots go to whoever waits longest; who has waited for long enough, or was cancelled, has none."""
    slots = Slots(1)
    assert await slots.begin(ONE)
    assert not await slots.begin(ONE, 0.01)
    cancelled = asyncio.create_task(slots.begin(ONE))
    waits = asyncio.create_task(slots.begin(ONE))
    late = asyncio.create_task(slots.begin(ONE, 0.01))
    await settle()
    cancelled.cancel()
    slots.end(ONE)
    assert await waits
    assert not await late
    slots.begin_beyond(ONE)
    slots.end(ONE)
    assert not await slots.begin(ONE, 0.01)
    slots.end(ONE)
    assert await slots.begin(ONE, 0.01)


@in_loop
async def test_a_slot_given_to_a_task_that_is_cancelled_goes_on_to_the_next() -> None:
    """No slot is lost between the two."""
    slots = Slots(1)
    assert await slots.begin(ONE)
    first, second = asyncio.create_task(slots.begin(ONE)), asyncio.create_task(slots.begin(ONE))
    await settle()
    slots.end(ONE)
    first.cancel()
    assert await asyncio.wait_for(second, 1)


BIG = queue_for("a", Resources(4.0, 8000))
GPU = queue_for("a", Resources(1.0, 4096, 1))


@in_loop
async def test_a_task_queue_is_polled_when_what_its_tasks_need_is_free() -> None:
    """Tasks that run, and polls that may bring one at once, take of the machine what their task queue says."""
    slots = Slots(4, Resources(4.0, 16000, 1))
    polls = Polls(slots)
    polls.ask("a")
    await settle()
    usual = polls.comes("a")
    polls.ask(BIG)
    await settle(2 * ANSWERS)
    assert polls.granted() == []  # three of four cores are free
    polls.ends(usual)
    await settle()
    assert polls.granted() == [BIG]
    big = polls.comes(BIG)
    polls.ask("a")
    polls.ask(GPU)
    await settle(2 * ANSWERS)
    assert polls.granted() == []
    polls.ends(big)
    await settle()
    assert sorted(polls.granted()) == ["a", GPU]


@in_loop
async def test_tasks_never_take_more_than_the_machine_has() -> None:
    """Also those of polls that were open for long; one that waits keeps those behind it from passing it."""
    slots = Slots(4, Resources(4.0, 16000, 1))
    gpu = Resources(1.0, 4096, 1)
    assert await slots.begin(gpu)
    assert not await slots.begin(gpu, 0.01)
    assert await slots.begin(ONE)
    waits = asyncio.create_task(slots.begin(Resources(3.0, 1)))
    behind = asyncio.create_task(slots.begin(ONE))
    await settle()
    assert not waits.done()
    assert not behind.done()
    slots.end(gpu)
    assert await waits
    await settle()
    assert not behind.done()
    slots.end(ONE)
    assert await behind


@in_loop
async def test_who_stands_behind_one_that_gives_up_has_its_turn() -> None:
    """It may need less than the other: what is free must not stay so until a task ends."""
    slots = Slots(4, Resources(8.0, 16000))
    assert await slots.begin(Resources(6.0, 1))
    large = asyncio.create_task(slots.begin(Resources(4.0, 1), 0.05))
    small = asyncio.create_task(slots.begin(ONE))
    assert not await large
    assert await asyncio.wait_for(small, 1)
    large = asyncio.create_task(slots.begin(Resources(4.0, 1)))
    await settle()
    small = asyncio.create_task(slots.begin(ONE))
    await settle()
    assert not small.done()
    large.cancel()
    assert await asyncio.wait_for(small, 1)


def test_cores_of_a_machine_are_shared_by_its_slots() -> None:
    """A task that asks for nothing takes one slot's share."""
    slots = Slots(8, Resources(4.0, 16000))
    assert slots.needs("a") == Resources(0.5)
    assert slots.needs(BIG) == Resources(4.0, 8000)
