"""Random flow shapes for tests of the plan, and an interpreter of them that knows nothing of the plan."""

import zlib
from dataclasses import dataclass, field
from itertools import count

from hypothesis import strategies as st

from mftctl.model.manifest import Step
from mftctl.model.task import Outcome, TaskRef


@dataclass(frozen=True)
class Block:
    """A piece of a flow: ``kind`` is linear, split, foreach, switch or loop; ``parts`` are its branches or its body."""

    kind: str
    width: int = 1
    parts: tuple[tuple["Block", ...], ...] = ()


def blocks(depth: int = 3) -> st.SearchStrategy[tuple[Block, ...]]:
    """Sequences of one to three blocks, nested up to ``depth``."""
    simple = st.one_of(st.just(Block("linear")), st.builds(Block, st.just("loop"), st.integers(1, 3)))
    if depth == 0:
        return st.lists(simple, min_size=1, max_size=2).map(tuple)
    inner = blocks(depth - 1)
    nested = st.one_of(
        st.builds(Block, st.just("split"), st.just(1), st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Block, st.just("switch"), st.just(1), st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Block, st.just("foreach"), st.integers(1, 6), st.tuples(inner)),
    )
    return st.lists(st.one_of(simple, nested), min_size=1, max_size=3).map(tuple)


def chance(name: str, path: tuple[int, ...], most: int) -> int:
    """A number from 0 to ``most - 1`` that a task of ``name`` at ``path`` decides on, the same every time."""
    return zlib.crc32(f"{name}{path}".encode()) % most


@dataclass
class Flow:
    """A flow made of blocks: its graph for the plan, and what must happen when it runs."""

    graph: dict[str, Step] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    expected: dict[TaskRef, list[TaskRef]] = field(default_factory=dict)
    _names: count = field(default_factory=count)

    @staticmethod
    def of(sequence: tuple[Block, ...]) -> "Flow":
        """The flow whose steps between start and end are ``sequence``."""
        flow = Flow()
        entry, layout = flow._emit(sequence, "end")
        flow.graph["start"] = Step("start", "start", (entry,))
        flow.graph["end"] = Step("end", "end")
        start = TaskRef("start")
        flow.expected[start] = []
        last = flow._run(layout, (), [start])
        flow.expected[TaskRef("end")] = last
        return flow

    def outcome(self, ref: TaskRef) -> Outcome:
        """What the task decides."""
        step = self.graph[ref.step]
        if step.type == "foreach":
            return Outcome(step.next, splits=1 + chance(ref.step, ref.path, self.widths[ref.step]))
        if step.type == "split-switch" and ref.step in step.next:
            again = ref.iteration + 1 < 1 + chance(ref.step, ref.path, self.widths[ref.step])
            return Outcome((ref.step,) if again else (step.next[1],))
        if step.type == "split-switch":
            return Outcome((step.next[chance(ref.step, ref.path, len(step.next))],))
        return Outcome(step.next)

    def _emit(self, sequence: tuple[Block, ...], after: str) -> tuple[str, list]:
        """Steps of a sequence that goes on to ``after``: its first step, and its layout for ``_run``."""
        layout: list = []
        for block in reversed(sequence):
            name = f"{block.kind}{next(self._names)}"
            if block.kind == "linear":
                self.graph[name] = Step(name, "linear", (after,))
                layout.insert(0, (block.kind, name))
            elif block.kind == "loop":
                self.graph[name], self.widths[name] = Step(name, "split-switch", (name, after)), block.width
                layout.insert(0, (block.kind, name))
            elif block.kind == "switch":
                parts = [self._emit(part, after) for part in block.parts]
                self.graph[name] = Step(name, "split-switch", tuple(entry for entry, _ in parts))
                layout.insert(0, (block.kind, name, [inner for _, inner in parts]))
            else:
                join = f"join_{name}"
                parts = [self._emit(part, join) for part in block.parts]
                kind = "split" if block.kind == "split" else "foreach"
                self.graph[name] = Step(name, kind, tuple(entry for entry, _ in parts), join=join)
                self.graph[join] = Step(join, "join", (after,), split=name)
                self.widths[name] = block.width
                layout.insert(0, (block.kind, name, [inner for _, inner in parts], join))
            after = name
        return after, layout

    def _run(self, layout: list, path: tuple[int, ...], came: list[TaskRef]) -> list[TaskRef]:
        """Note which tasks run with which inputs; the task that leaves the layout."""
        for kind, name, *rest in layout:
            ref = TaskRef(name, path)
            self.expected[ref] = came
            if kind == "loop":
                for again in range(1, 1 + chance(name, path, self.widths[name])):
                    before, ref = ref, TaskRef(name, path, again)
                    self.expected[ref] = [before]
            came = [ref]
            if kind == "switch":
                came = self._run(rest[0][chance(name, path, len(rest[0]))], path, came)
            elif kind == "split":
                ends = [self._run(part, path, came)[0] for part in rest[0]]
                came = [TaskRef(rest[1], path)]
                self.expected[came[0]] = sorted(ends, key=lambda end: end.step)
            elif kind == "foreach":
                splits = range(1 + chance(name, path, self.widths[name]))
                ends = [self._run(rest[0][0], (*path, index), came)[0] for index in splits]
                came = [TaskRef(rest[1], path)]
                self.expected[came[0]] = ends
        return came
