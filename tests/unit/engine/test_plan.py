import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import Block, Flow, blocks

from mftctl.engine.plan import Plan, PlanError, SplitRange
from mftctl.engine.ready_queue import ReadyQueue
from mftctl.model.codec import from_plain, to_plain
from mftctl.model.manifest import Step
from mftctl.model.task import Input, Outcome, Task, TaskRef


class Run:
    """Runs a flow's plan in a random order, with wide foreaches in plans of their own, and notes what happens."""

    def __init__(
        self, flow: Flow, seed: int, inline: int, chunk: int, interrupt: float = 0.0, executions: int = 1
    ) -> None:
        self.flow = flow
        self.executions = executions
        self.since: dict[TaskRef, int] = {}
        self.chance = random.Random(seed)  # noqa: S311 - an order, not a secret
        self.inline, self.chunk, self.interrupt = inline, chunk, interrupt
        self.inputs: dict[TaskRef, list[TaskRef]] = {}

    def drive(self, scope: SplitRange | None = None) -> Plan:
        plan = Plan(self.flow.graph, "start", scope)
        queue = ReadyQueue(self.inline, self.chunk, scope)
        queue.add(plan.begin())
        running: list[Task | SplitRange] = []
        while not plan.done:
            while (item := queue.next()) is not None:
                self._begin(item)
                running.append(item)
                if self.chance.random() < 0.3:
                    break
            plan, queue = self._continue_as_new(plan, queue, scope)
            item = running.pop(self.chance.randrange(len(running)))
            if isinstance(item, SplitRange):
                arrivals = [from_plain(Input, to_plain(one)) for one in self.drive(item).arrivals]
                queue.add(plan.splits_finished(item, arrivals))
            else:
                self.since[item.ref] = self.chance.randint(item.since, self.executions - 1)
                queue.add(plan.finished(item, self.flow.outcome(item.ref), self.since[item.ref]))
        assert not running
        assert queue.next() is None
        return plan

    def _begin(self, item: Task | SplitRange) -> None:
        if isinstance(item, Task):
            assert item.ref not in self.inputs, f"{item.label} ran twice"
            refs = [ref for given in item.inputs for ref in given.refs()]
            for ref in refs:
                assert ref in self.inputs, f"{item.label} started before {ref}"
            self.inputs[item.ref] = refs
            assert item.since == max((self.since[ref] for ref in refs), default=0)

    def _continue_as_new(
        self, plan: Plan, queue: ReadyQueue, scope: SplitRange | None
    ) -> tuple[Plan, ReadyQueue]:
        if self.chance.random() >= self.interrupt:
            return plan, queue
        state = json.loads(json.dumps({"plan": plan.dump(), "queue": queue.dump()}))
        plan, queue = Plan(self.flow.graph, "start", scope), ReadyQueue(self.inline, self.chunk, scope)
        plan.load(state["plan"])
        queue.load(state["queue"])
        return plan, queue


ANY_FLOW = (blocks(), st.integers(), st.integers(0, 4), st.integers(1, 4), st.sampled_from([0.0, 0.5]))


@settings(max_examples=150, deadline=None)
@given(*ANY_FLOW)
def test_every_task_runs_once(sequence, seed, inline, chunk, interrupt):
    """In any flow and any order of ends every task runs once, with its inputs in order, and no join early or never."""
    runs_once(sequence, seed, inline, chunk, interrupt)


@pytest.mark.soak
@settings(max_examples=3000, deadline=None)
@given(*ANY_FLOW)
def test_every_task_of_many_flows_runs_once(sequence, seed, inline, chunk, interrupt):
    """So it is in many more flows."""
    runs_once(sequence, seed, inline, chunk, interrupt)


def runs_once(sequence, seed, inline, chunk, interrupt):
    flow = Flow.of(sequence)
    run = Run(flow, seed, inline, chunk, interrupt)
    run.drive()
    assert run.inputs == flow.expected


@settings(max_examples=100, deadline=None)
@given(*ANY_FLOW)
def test_no_result_is_older_than_what_it_was_made_of(sequence, seed, inline, chunk, interrupt):
    """In a resumed run a task takes no result of an execution before the last that made anew what feeds it."""
    flow = Flow.of(sequence)
    run = Run(flow, seed, inline, chunk, interrupt, executions=4)
    run.drive()
    assert run.inputs == flow.expected


def test_a_wide_join_is_described_not_listed():
    """The join of 5,000 splits that end in one step has one small input."""
    plan = Plan(Flow.of((Block("foreach", 1, ((Block("linear"),),)),)).graph, "start")
    foreach = next(name for name, step in plan._graph.items() if step.type == "foreach")
    body, join = plan._graph[foreach].next[0], plan._graph[foreach].join
    (splits,) = plan.finished(Task(TaskRef(foreach)), Outcome((body,), splits=5000))
    ready = []
    for index in range(5000):
        ready += plan.finished(splits.task(index), Outcome((join,)))
    (task,) = ready
    assert task.inputs == (Input(TaskRef(body), count=5000, low=0),)
    assert len(json.dumps(to_plain(task))) < 200


def test_parallel_step_is_one_control_task():
    """A @parallel step is one task, its own first node; the join takes the nodes that it started."""
    graph = {
        "start": Step("start", "foreach", ("work",), join="gather", parallel=True),
        "work": Step("work", "linear", ("gather",)),
        "gather": Step("gather", "join", ("end",), split="start"),
        "end": Step("end", "end"),
    }
    plan = Plan(graph, "start")
    (control,) = plan.finished(Task(TaskRef("start")), Outcome(("work",), parallel=True))
    assert control == Task(TaskRef("work", (0,)), (Input(TaskRef("start")),), split_index=0, control=True)
    (join,) = plan.finished(control, Outcome(("gather",)))
    assert join == Task(TaskRef("gather"), (Input(TaskRef("work", (0,)), mappers=True),))


def test_the_deepest_foreach_goes_first():
    """The splits that are begun are finished before more are begun, so that the queue stays small."""
    queue = ReadyQueue(inline=100, chunk=100)
    queue.add(
        [SplitRange(TaskRef("outer"), "middle", 0, 3), SplitRange(TaskRef("inner", (7,)), "body", 0, 2)]
    )
    order = [queue.next().ref for _ in range(5)]
    assert [ref.step for ref in order] == ["body", "body", "middle", "middle", "middle"]


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (Outcome(("b",)), "was expected to transition to step"),
        (Outcome(()), "was expected to transition to step"),
    ],
)
def test_a_step_that_goes_where_its_code_does_not(outcome, message):
    """A transition that static analysis has not seen is refused in Metaflow's own words."""
    graph = {"start": Step("start", "start", ("a",)), "a": Step("a", "end"), "b": Step("b", "end")}
    with pytest.raises(PlanError, match=message):
        Plan(graph, "start").finished(Task(TaskRef("start")), outcome)
