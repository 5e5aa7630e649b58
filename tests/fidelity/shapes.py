"""Flow graphs as blocks, laid out into steps: a pure description, with what a run of it must do.

No Metaflow and no hypothesis here: graphs.py draws the blocks and writes the flow's source, a test of the plan can ask
`Graph.tasks()` what has to run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["linear", "split", "foreach", "split-switch", "join"]


@dataclass(frozen=True)
class Linear:
    """One step. It fails at its first `fails` attempts; with `catch` at all of them."""

    retries: int = 0
    fails: int = 0
    catch: bool = False


@dataclass(frozen=True)
class Split:
    """A static split into branches, with its join."""

    branches: tuple[Blocks, ...]


@dataclass(frozen=True)
class Foreach:
    """A foreach over `count` items, with its join."""

    count: int
    body: Blocks


@dataclass(frozen=True)
class Switch:
    """A switch. Its cases meet in a step of their own, or (`meets` false) go on to what follows by themselves.

    Inside a foreach the case is chosen by the innermost index, elsewhere it is `chosen`. An empty case leads on.
    """

    cases: tuple[Blocks, ...]
    chosen: int
    meets: bool = True


@dataclass(frozen=True)
class Loop:
    """A step that names itself `times` times in all before it goes on to a step that follows it."""

    times: int


Block = Linear | Split | Foreach | Switch | Loop
Blocks = tuple[Block, ...]


@dataclass
class Step:
    """One step of a graph, in the terms of Metaflow's own graph."""

    name: str
    type: Kind
    out_funcs: list[str] = field(default_factory=list)
    is_join: bool = False
    foreach_count: int | None = None
    """How many splits the foreach makes."""
    choices: list[str] = field(default_factory=list)
    """The switch's cases: when `by_index` the innermost foreach index, modulo their number, chooses; else `chosen`."""
    chosen: int = 0
    by_index: bool = False
    loop_times: int | None = None
    """How many tasks a recursive switch makes, one after the other."""
    matching_join: str | None = None
    split_parents: list[str] = field(default_factory=list)
    retries: int = 0
    fails: int = 0
    catch: bool = False

    @property
    def attempts(self) -> int:
        """How many attempts a task of this step makes."""
        return self.retries + 1 if self.catch else self.fails + 1


@dataclass(frozen=True, order=True)
class ExpectedTask:
    """A task that a run must have made, and the tasks it takes as inputs, in order where the order is defined."""

    step: str
    path: tuple[int, ...]
    turn: int | None
    attempts: int
    inputs: tuple[tuple[str, tuple[int, ...], int | None], ...]
    ordered: bool
    """False for a static join and for a foreach join reached by several steps: Metaflow takes those from a set."""

    @property
    def key(self) -> str:
        """The task's name in a dump."""
        path = f"[{'.'.join(map(str, self.path))}]" if self.path else ""
        return f"{self.step}{path}" + (f"~{self.turn}" if self.turn is not None else "")


Frontier = list[tuple[str, tuple[int, ...], int | None]]


@dataclass
class Graph:
    """Steps by name, and the blocks they were laid out from."""

    steps: dict[str, Step]
    blocks: Blocks
    start: str = "start"
    end: str = "end"

    def tasks(self) -> list[ExpectedTask]:
        """Give every task of a run, in an order in which they could run one by one."""
        made: list[ExpectedTask] = []
        arrived: dict[tuple[str, tuple[int, ...]], Frontier] = {}

        def run(step: Step, path: tuple[int, ...], inputs: Frontier, turn: int | None = None) -> None:
            ordered = not step.is_join or len(inputs) == 1 or len({name for name, _, _ in inputs}) == 1
            made.append(ExpectedTask(step.name, path, turn, step.attempts, tuple(inputs), ordered))
            me = (step.name, path, turn)
            if step.loop_times is not None and turn is not None and turn + 1 < step.loop_times:
                run(step, path, [me], turn + 1)
            elif step.type == "foreach" and step.foreach_count is not None:
                for index in range(step.foreach_count):
                    arrive(step.out_funcs[0], (*path, index), me)
            elif step.type == "split-switch":
                arrive(self.case(step, path), path, me)
            else:
                for name in step.out_funcs:
                    arrive(name, path, me)

        def arrive(name: str, path: tuple[int, ...], parent: tuple[str, tuple[int, ...], int | None]) -> None:
            step = self.steps[name]
            if not step.is_join:
                run(step, path, [parent], 0 if step.loop_times is not None else None)
                return
            split = self.steps[step.split_parents[-1]]
            outside = path[:-1] if split.type == "foreach" else path
            waiting = arrived.setdefault((name, outside), [])
            waiting.append(parent)
            wanted = split.foreach_count if split.type == "foreach" else len(split.out_funcs)
            if len(waiting) == wanted:
                run(step, outside, sorted(waiting, key=lambda t: (t[0], t[1])))

        run(self.steps[self.start], (), [])
        return made

    def case(self, step: Step, path: tuple[int, ...]) -> str:
        """Give the step that a switch goes on to in the foreach split of this path."""
        if step.loop_times is not None:
            return step.choices[-1]
        return step.choices[path[-1] % len(step.choices) if step.by_index else step.chosen]


class _Layout:
    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}
        self.parents: list[str] = []
        self.foreach_depth = 0

    def step(self, kind: Kind, prefix: str) -> Step:
        made = Step(f"{prefix}{len(self.steps)}", kind, split_parents=list(self.parents))
        self.steps[made.name] = made
        return made

    def sequence(self, blocks: Blocks, following: str) -> str:
        """Lay out blocks that lead on to a step; give the first step's name."""
        for block in reversed(blocks):
            following = self.block(block, following)
        return following

    def block(self, block: Block, following: str) -> str:
        match block:
            case Linear():
                made = self.step("linear", "s")
                made.retries, made.fails, made.catch = block.retries, block.fails, block.catch
                made.out_funcs = [following]
                return made.name
            case Loop():
                after = self.step("linear", "after")
                after.out_funcs = [following]
                made = self.step("split-switch", "loop")
                made.loop_times = block.times
                made.choices = made.out_funcs = [made.name, after.name]
                return made.name
            case Switch():
                return self.switch(block, following)
            case Split():
                return self.fan("split", block.branches, following)
            case Foreach():
                return self.fan("foreach", (block.body,), following, block.count)

    def switch(self, block: Switch, following: str) -> str:
        if block.meets:
            meet = self.step("linear", "meet")
            meet.out_funcs = [following]
            following = meet.name
        made = self.step("split-switch", "switch")
        made.choices = made.out_funcs = [self.sequence(case, following) for case in block.cases]
        made.chosen, made.by_index = block.chosen, self.foreach_depth > 0
        return made.name

    def fan(self, kind: Kind, branches: tuple[Blocks, ...], following: str, count: int | None = None) -> str:
        made = self.step(kind, "fork" if kind == "split" else "each")
        made.foreach_count = count
        self.parents.append(made.name)
        self.foreach_depth += count is not None
        join = self.step("join", "join")
        join.is_join, join.out_funcs, made.matching_join = True, [following], join.name
        made.out_funcs = [self.sequence(branch, join.name) for branch in branches]
        self.foreach_depth -= count is not None
        self.parents.pop()
        return made.name


def lay_out(blocks: Blocks) -> Graph:
    """Make the steps of a flow whose start leads into these blocks and whose last block leads to the end."""
    layout = _Layout()
    layout.steps["start"] = Step("start", "linear")
    layout.steps["end"] = Step("end", "linear")
    layout.steps["start"].out_funcs = [layout.sequence(blocks, "end")]
    return Graph(layout.steps, blocks)


def walk(blocks: Blocks) -> Iterator[Block]:
    """Give all blocks, at any depth."""
    for block in blocks:
        yield block
        match block:
            case Split(inner) | Switch(inner):
                for branch in inner:
                    yield from walk(branch)
            case Foreach(_, body):
                yield from walk(body)
