"""Random valid flows: hypothesis draws the blocks, and the source records all that a step can see of its place.

Every step keeps its trail (the steps and splits that lead to it), its foreach stack and its attempt; every join keeps
its inputs' trails in the order they came, where Metaflow defines one, and merges what can be merged.
"""

from __future__ import annotations

from hypothesis import strategies as st

from .shapes import Block, Blocks, Foreach, Graph, Linear, Loop, Split, Step, Switch, lay_out

MOST_TASKS = 26
CLASS = "RandomFlow"

LINEAR = st.one_of(
    st.just(Linear()),
    st.just(Linear()),
    st.integers(1, 2).flatmap(lambda r: st.builds(Linear, st.just(r), st.integers(0, r))),
    st.builds(Linear, st.integers(0, 1), st.just(0), st.just(True)),
)
LOOP = st.builds(Loop, st.integers(1, 3))


@st.composite
def switches(draw: st.DrawFn, depth: int, *, last: bool) -> Switch:
    """Draw a switch; only one at the end of a branch may leave its cases to find the join by themselves."""
    cases = draw(st.lists(sequences(depth - 1, inside=True), min_size=2, max_size=3))
    meets = not last or draw(st.booleans())
    if meets and draw(st.booleans()):
        cases[draw(st.integers(0, len(cases) - 1))] = ()
    return Switch(tuple(cases), draw(st.integers(0, len(cases) - 1)), meets)


@st.composite
def sequences(draw: st.DrawFn, depth: int, *, inside: bool) -> Blocks:
    """Draw blocks, one after the other, nested up to a depth. `inside`: their end leads to a join or a case's end."""
    blocks: list[Block] = []
    length = draw(st.integers(1, 2 if depth < 2 else 3))
    for number in range(length):
        kinds: list[st.SearchStrategy[Block]] = [LINEAR, LOOP]
        if depth > 0:
            body = sequences(depth - 1, inside=True)
            kinds.append(st.lists(body, min_size=2, max_size=3).map(lambda branches: Split(tuple(branches))))
            kinds.append(st.builds(Foreach, st.integers(1, 3), body))
            kinds.append(switches(depth, last=inside and number == length - 1))
        blocks.append(draw(st.one_of(kinds)))
    return tuple(blocks)


@st.composite
def graphs(draw: st.DrawFn, depth: int = 3, most_tasks: int = MOST_TASKS) -> Graph:
    """Draw a graph that a run gets through with at most so many tasks; a larger draw is cut to its first blocks."""
    blocks = draw(sequences(depth, inside=False))
    while len(blocks) > 1 and cost(lay_out(blocks)) > most_tasks:
        blocks = blocks[:-1]
    graph = lay_out(blocks)
    if cost(graph) > most_tasks:
        return draw(graphs(depth=depth - 1, most_tasks=most_tasks))
    return graph


def cost(graph: Graph) -> int:
    """How many attempts a run takes: what a run's time depends on."""
    return sum(task.attempts for task in graph.tasks())


HEAD = '''"""A random flow of the fidelity suite."""

from metaflow import FlowSpec, catch, current, retry, step


class {name}(FlowSpec):
    def note(self, fails=0):
        indexes = [frame[0] for frame in self.foreach_stack()]
        self.trail = [*getattr(self, "trail", []), [current.step_name, indexes, current.retry_count]]
        self.place = (self.index, self.input, self.foreach_stack())
        self.attempt = current.retry_count
        print(current.step_name, indexes, current.retry_count)
        if current.retry_count < fails:
            raise RuntimeError(f"{{current.step_name}} fails at attempt {{current.retry_count}}")

    def gather(self, inputs, ordered):
        trails = [i.trail for i in inputs]
        self.gathered = trails if ordered else sorted(trails, key=repr)
        self.trail = [["joined", len(trails)]]
        found = {{name for i in inputs for name in i._datastore._objects}}
        # What @catch keeps differs between branches, its private artifact as well: merge_artifacts would refuse it.
        differing = {{name for name in found if name.startswith(("caught_", "_catch_exception"))}}
        differing |= {{"trail", "place", "attempt", "gathered", "case", "items"}} & found
        self.merge_artifacts(inputs, exclude=sorted(differing))
'''


def source(graph: Graph, name: str = CLASS) -> str:
    """Write the graph as a flow's file."""
    steps = [
        graph.steps["start"],
        *(s for n, s in graph.steps.items() if n not in ("start", "end")),
        graph.steps["end"],
    ]
    body = "\n".join(_step(graph, step) for step in steps)
    return HEAD.format(name=name) + body + f'\n\nif __name__ == "__main__":\n    {name}()\n'


def _step(graph: Graph, step: Step) -> str:
    lines = [""]
    if step.catch:
        lines.append(f'@catch(var="caught_{step.name}", print_exception=False)')
    if step.retries:
        lines.append(f"@retry(times={step.retries}, minutes_between_retries=0)")
    lines += ["@step", f"def {step.name}(self{', inputs' if step.is_join else ''}):"]
    if step.is_join:
        lines.append(f"    self.gather(inputs, ordered={_reached_by_one(graph, step)})")
    fails = step.retries + 1 if step.catch else step.fails
    lines.append(f"    self.note({fails or ''})")
    lines += [f"    {line}" for line in _transition(graph, step)]
    return "\n".join(f"    {line}" if line else "" for line in lines) + "\n"


def _reached_by_one(graph: Graph, join: Step) -> bool:
    split = graph.steps[join.split_parents[-1]]
    parents = [s for s in graph.steps.values() if join.name in s.out_funcs]
    return split.type == "foreach" and len(parents) == 1


def _transition(graph: Graph, step: Step) -> list[str]:
    if step.name == graph.end:
        return ["self.done = True"]
    if step.type == "foreach":
        items = [f"{step.name}:{index}" for index in range(step.foreach_count or 0)]
        return [f"self.items = {items!r}", f'self.next(self.{step.out_funcs[0]}, foreach="items")']
    if step.loop_times is not None:
        return [
            f"self.turns_{step.name} = getattr(self, 'turns_{step.name}', 0) + 1",
            f'self.case = "again" if self.turns_{step.name} < {step.loop_times} else "done"',
            f'self.next({{"again": self.{step.choices[0]}, "done": self.{step.choices[1]}}}, condition="case")',
        ]
    if step.type == "split-switch":
        choice = f"self.index % {len(step.choices)}" if step.by_index else str(step.chosen)
        cases = ", ".join(f'"c{number}": self.{name}' for number, name in enumerate(step.choices))
        return [f'self.case = f"c{{{choice}}}"', f'self.next({{{cases}}}, condition="case")']
    return [f"self.next({', '.join('self.' + name for name in step.out_funcs)})"]
