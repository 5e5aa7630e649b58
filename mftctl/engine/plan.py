"""The plan of a run: from a finished task to the next tasks. Pure Python without Temporal; its state is JSON values.

It follows Metaflow's native runtime (``metaflow/runtime.py``, ``_queue_tasks``): a join starts when all branches of
its split have arrived; a switch goes to one step, to itself while it loops; a foreach opens splits. Two
orders that depend on a Python set in the native runtime are fixed here: inputs of a join come in split-index order,
those of a static join by step name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, cast

from ..model.codec import from_plain, to_plain
from ..model.manifest import Step
from ..model.task import Input, Outcome, Task, TaskRef


class PlanError(Exception):
    """A task did not follow the flow's graph; the message is Metaflow's own."""


@dataclass(frozen=True)
class SplitRange:
    """Splits ``low`` to ``high - 1`` of the foreach that ``parent`` opened, each starting with ``step``.

    It stands for all its tasks, so that a wide foreach is one small value until its splits start.
    """

    parent: TaskRef
    step: str
    low: int
    high: int
    since: int = 0

    @property
    def width(self) -> int:
        """The number of splits."""
        return self.high - self.low

    def task(self, index: int) -> Task:
        """The first task of split ``index``."""
        given = Input(self.parent, since=self.since)
        return Task(TaskRef(self.step, (*self.parent.path, index)), (given,), split_index=index)

    def part(self, low: int, high: int) -> SplitRange:
        """Its splits from ``low`` to ``high - 1``."""
        return replace(self, low=low, high=high)

    def cut(self, width: int) -> list[SplitRange]:
        """The same splits in ranges of at most ``width``."""
        bounds = range(self.low, self.high, width)
        return [self.part(low, min(low + width, self.high)) for low in bounds]


Ready = Task | SplitRange


class Plan:
    """Decides what runs next in a run (``scope`` None), or in a part of one of its foreaches.

    Call ``finished`` once for each task, with its outcome, and ``splits_finished`` once for splits that another plan
    has run, with its ``arrivals``; both return what can start now. ``done`` when nothing is left. ``dump`` and ``load``
    carry the state through continue-as-new.
    """

    def __init__(self, graph: dict[str, Step], start: str, scope: SplitRange | None = None) -> None:
        self._graph = graph
        self._start = start
        self._scope = scope
        self._groups: dict[str, _JoinInputs] = {}
        self._arrived = _JoinInputs(need=scope.width if scope else 0)
        self._ended = False

    def begin(self) -> list[Ready]:
        """What starts first."""
        return [Task(TaskRef(self._start))] if self._scope is None else [self._scope]

    def finished(self, task: Task, outcome: Outcome, since: int = 0) -> list[Ready]:
        """What can start after ``task``. Raises PlanError when its outcome does not fit the graph.

        ``since``: the execution of the run that made its result.
        """
        step, ref = self._graph[task.ref.step], task.ref
        _check(step, outcome)
        if not outcome.next:
            self._ended = True
            return []
        if any(self._graph[name].type == "join" for name in outcome.next):
            return self._arrive(task, self._graph[outcome.next[0]], since)
        if outcome.parallel:
            control = TaskRef(outcome.next[0], (*ref.path, 0))
            # @parallel's control task is also node 0; another unbounded foreach has a control task without index.
            index = 0 if step.parallel else None
            return [Task(control, (Input(ref, since=since),), split_index=index, control=True)]
        if outcome.splits is not None:
            return self._open_foreach(ref, outcome.next[0], outcome.splits, since)
        return [
            Task(
                TaskRef(name, ref.path, ref.iteration + 1 if name == ref.step else 0),
                (Input(ref, since=since),),
            )
            for name in outcome.next
        ]

    def splits_finished(self, splits: SplitRange, arrivals: Iterable[Input]) -> list[Ready]:
        """What can start after all the ``splits`` have reached their join, with ``arrivals``."""
        join = self._graph[cast(str, self._graph[splits.parent.step].join)]
        ready: list[Ready] = []
        for arrival in arrivals:
            for ref in arrival.refs():
                ready += self._arrive_split(join, Input(ref, since=arrival.since))
        return ready

    @property
    def done(self) -> bool:
        """Whether the scope has ended: the end step finished, or every split reached the join."""
        return self._ended or (self._scope is not None and self._arrived.complete)

    @property
    def arrivals(self) -> tuple[Input, ...]:
        """The inputs that the splits of the scope give to the join, in split-index order."""
        return self._arrived.inputs()

    def dump(self) -> dict[str, Any]:
        """The state as JSON values, without running and ready tasks, which the caller keeps."""
        groups = {key: group.dump() for key, group in self._groups.items()}
        return {"groups": groups, "arrived": self._arrived.dump(), "ended": self._ended}

    def load(self, state: dict[str, Any]) -> None:
        """Restore the state that ``dump`` returned."""
        self._groups = {key: _JoinInputs.load(group) for key, group in state["groups"].items()}
        self._arrived = _JoinInputs.load(state["arrived"])
        self._ended = state["ended"]

    def _open_foreach(self, parent: TaskRef, step: str, count: int, since: int) -> list[Ready]:
        join = cast(str, self._graph[parent.step].join)
        self._groups[_key(join, parent.path)] = _JoinInputs(need=count)
        return [SplitRange(parent, step, 0, count, since)]

    def _arrive(self, task: Task, join: Step, since: int) -> list[Ready]:
        split, ref = self._graph[cast(str, join.split)], task.ref
        if task.control:
            return [Task(TaskRef(join.name, ref.path[:-1]), (Input(ref, mappers=True, since=since),))]
        if split.type == "foreach":
            return self._arrive_split(join, Input(ref, since=since))
        key = _key(join.name, ref.path)
        group = self._groups.setdefault(key, _JoinInputs(need=len(split.next)))
        group.slots[ref.step] = Input(ref, since=since)
        return self._close(key, join, ref.path)

    def _arrive_split(self, join: Step, arrival: Input) -> list[Ready]:
        scope, path, index = self._scope, arrival.ref.path[:-1], arrival.ref.path[-1]
        if (
            scope is not None
            and scope.parent.path == path
            and self._graph[scope.parent.step].join == join.name
        ):
            self._arrived.slots[index] = arrival
            return []
        key = _key(join.name, path)
        self._groups[key].slots[index] = arrival
        return self._close(key, join, path)

    def _close(self, key: str, join: Step, path: tuple[int, ...]) -> list[Ready]:
        group = self._groups[key]
        if not group.complete:
            return []
        del self._groups[key]
        return [Task(TaskRef(join.name, path), group.inputs())]


class _JoinInputs:
    """The inputs that have arrived at a join: by split index after a foreach, by step name after a static split."""

    def __init__(self, need: int) -> None:
        self.need = need
        self.slots: dict[int | str, Input] = {}

    @property
    def complete(self) -> bool:
        return len(self.slots) == self.need

    def inputs(self) -> tuple[Input, ...]:
        order: Callable[[int | str], Any] = lambda key: key  # noqa: E731 - sorted() needs a typed key for a union
        return _compress([self.slots[key] for key in sorted(self.slots, key=order)])

    def dump(self) -> dict[str, Any]:
        # JSON turns keys into text: a split index is the last of its task's path, a branch is its task's step.
        by_index = all(isinstance(key, int) for key in self.slots)
        return {"need": self.need, "by_index": by_index, "inputs": [to_plain(item) for item in self.inputs()]}

    @staticmethod
    def load(state: dict[str, Any]) -> _JoinInputs:
        group = _JoinInputs(state["need"])
        for item in state["inputs"]:
            given = from_plain(Input, item)
            for ref in given.refs():
                group.slots[ref.path[-1] if state["by_index"] else ref.step] = Input(ref, since=given.since)
        return group


def _compress(inputs: list[Input]) -> tuple[Input, ...]:
    """Join adjacent splits of one step into one Input."""
    packed: list[Input] = []
    for item in inputs:
        last = packed[-1] if packed else None
        if not item.ref.path:
            packed.append(item)
            continue
        above, index = replace(item.ref, path=item.ref.path[:-1]), item.ref.path[-1]
        if (
            last is not None
            and last.count is not None
            and (last.ref, last.since) == (above, item.since)
            and index == last.low + last.count
        ):
            packed[-1] = replace(last, count=last.count + 1)
        else:
            packed.append(Input(above, count=1, low=index, since=item.since))
    return tuple(packed)


def _key(join: str, path: tuple[int, ...]) -> str:
    return f"{join}/{'.'.join(map(str, path))}"


def _check(step: Step, outcome: Outcome) -> None:
    """Metaflow's check that a task's outcome fits the static graph (``_queue_tasks``)."""
    if step.type == "split-switch":
        if len(outcome.next) != 1:
            raise PlanError(
                f"Switch step *{step.name}* should transition to exactly one step at runtime, "
                f"but got: {', '.join(outcome.next)}"
            )
        if outcome.next[0] not in step.next:
            raise PlanError(
                f"Switch step *{step.name}* transitioned to unexpected step *{outcome.next[0]}*. "
                f"Expected one of: {', '.join(step.next)}"
            )
    elif outcome.next != step.next:
        raise PlanError(
            f"Based on static analysis of the code, step *{step.name}* was expected to transition to step(s) "
            f"*{', '.join(step.next)}*. However, when the code was executed, self.next() was called with "
            f"*{', '.join(outcome.next)}*. Make sure there is only one unconditional self.next() call in the end "
            "of your step. "
        )
    elif (step.type == "foreach") != (outcome.splits is not None or outcome.parallel):
        opens = ("opens no foreach", "opens a foreach")
        of_code, of_run = opens if step.type != "foreach" else opens[::-1]
        raise PlanError(
            f"The code says that step *{step.name}* {of_code}, and when it was executed, it {of_run}."
        )
