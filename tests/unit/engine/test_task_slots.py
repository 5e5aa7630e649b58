"""Slots of a run and of the parts of its foreaches."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mftctl.engine.plan import SplitRange
from mftctl.engine.task_slots import TaskSlots, one_at_a_time
from mftctl.model.manifest import Step
from mftctl.model.task import TaskRef

SPLITS = SplitRange(TaskRef("start"), "work", 0, 250)


@given(
    st.integers(1, 400), st.lists(st.tuples(st.sampled_from(["takes", "ends", "gives"]), st.integers(0, 5)))
)
def test_slots_are_neither_lost_nor_made(total: int, moves: list[tuple[str, int]]) -> None:
    """Whatever parts start, give back and end, in whichever order: all slots are free at the end, and never more."""
    slots = TaskSlots(total)
    held: dict[str, int] = {}
    for move, number in moves:
        part = f"part{number}"
        if move == "takes" and part not in held and slots.free:
            held[part] = slots.for_part(SPLITS)
            slots.take(held[part], part)
        elif move == "ends" and part in held:
            slots.end(held.pop(part), part)
        elif move == "gives":
            slots.get_back(part, number)  # also of a part that has ended, or more than it has left
        assert 0 <= slots.free <= total
    for part in list(held):
        slots.end(held[part], part)
    assert slots.free == total


@given(st.integers(1, 400))
def test_a_part_gives_back_all_but_what_it_uses(total: int) -> None:
    """As its last tasks end, in a few messages, and it keeps a slot for each that runs."""
    slots, messages = TaskSlots(total), 0
    slots.take(total)
    for running in range(total - 1, 0, -1):
        slots.end(1)
        if spare := slots.spare:
            slots.drop(spare)
            messages += 1
        assert slots.total - slots.free == running
        assert slots.total < 2 * running + 1
    assert messages <= total.bit_length()


def test_a_split_that_opens_others_keeps_its_slots() -> None:
    """A switch or a loop has one task in flight at a time; a split or a foreach inside has several."""

    def graph(kind: str, *following: str) -> dict[str, Step]:
        steps = (
            Step("start", "foreach", ("work",), join="join"),
            Step("work", kind, following, join="inner"),
            Step("left", "linear", ("join",)),
            Step("right", "linear", ("join",)),
            Step("join", "join", ("end",), split="start"),
            Step("end", "end"),
        )
        return {step.name: step for step in steps}

    assert one_at_a_time(graph("linear", "join"), SPLITS)
    assert one_at_a_time(graph("split-switch", "left", "right"), SPLITS)
    assert one_at_a_time(graph("split-switch", "work", "right"), SPLITS)
    assert not one_at_a_time(graph("split", "left", "right"), SPLITS)
    assert not one_at_a_time(graph("foreach", "left"), SPLITS)
