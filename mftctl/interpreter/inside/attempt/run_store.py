"""Results of a run's tasks in its datastore: what they decided, and how earlier attempts ended."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Optional

from metaflow.datastore.exceptions import DataException
from metaflow.util import write_latest_run_id

from ....model import ids
from ....model.manifest import Launch
from ....model.task import Input, Outcome, Task, TaskRef
from ..environment import IN_PLACE
from ..flow_datastore import flow_datastore
from . import result_registration

#: How an attempt ended, as the native runtime writes it.
_RUNTIME = "runtime"
#: Files beside a task's attempts: its result, if there will be one, is not used; it is a clone, and of what.
_SUPERSEDED, _ORIGIN = "mftctl-superseded.json", "mftctl-origin.json"


class NotReady(Exception):
    """A task that should have finished has no result."""


@dataclass(frozen=True)
class FinishedTask:
    """What a task that succeeded decided, and the names of its artifacts, Metaflow's own left out."""

    outcome: Outcome
    artifacts: tuple[str, ...]


class RunStore:
    """The datastore of a run's flow."""

    def __init__(self, launch: Launch, run_id: str) -> None:
        self._launch = launch
        self._datastore = flow_datastore(launch)
        self._run_id = run_id

    def open(self, ref: TaskRef, number: int) -> Any:
        """Metaflow's datastore of an attempt, to be written."""
        return self._datastore.get_task_datastore(
            self._run_id, ref.step, ref.task_id, attempt=number, mode="w"
        )

    def failures(self, ref: TaskRef, number: int) -> int:
        """How many of the attempts before ``number`` failed; the others were lost with their worker.

        An attempt whose end its supervisor saw has a ``runtime`` record, as the native runtime writes it.
        """
        failed = 0
        for earlier in range(number):
            attempt = self.open(ref, earlier)
            failed += attempt.has_metadata(_RUNTIME)
            if not _has_begun(attempt):
                # Metaflow counts attempts up to the first gap; one that was lost before it began must not be one.
                attempt.init_task()
        return failed

    def has_begun(self, ref: TaskRef) -> bool:
        """Whether there is a first attempt at the task."""
        return _has_begun(self.open(ref, 0))

    def finished(self, ref: TaskRef, generations: Sequence[int]) -> Optional[TaskRef]:
        """The task of the last of ``generations`` in which it succeeded; None when it did in none.

        What a later generation has begun is superseded: an old worker may still finish it, and its result would then be
        newer than what was made of the one that is kept.
        """
        for generation in reversed(generations):
            found = replace(ref, generation=generation)
            done = self._done(found.step, found.task_id)
            if done is None or not done.get("_task_ok"):
                continue
            if not done.has_metadata(_SUPERSEDED, add_attempt=False):
                self._supersede(ref, [later for later in generations if later > generation])
                return found
        return None

    def unreported(self, ref: TaskRef) -> bool:
        """Whether the latest attempt succeeded, but was lost with its worker before it was reported."""
        done = self._done(ref.step, ref.task_id)
        if done is None or not done.get("_task_ok"):
            return False
        # A task can succeed and its process fail: in its hooks. Then it is tried again.
        return not done.has_metadata(_RUNTIME) or bool(done.load_metadata([_RUNTIME])[_RUNTIME]["success"])

    def succeeded(self, ref: TaskRef, number: int) -> bool:
        """Whether this attempt has reached its result."""
        done = self._done(ref.step, ref.task_id, number)
        return done is not None and bool(done.get("_task_ok"))

    def register(self, ref: TaskRef, number: int) -> None:
        """Let Metaflow's client find this attempt's result, whose process may have been killed before it did so."""
        result_registration.complete(self._launch, self._read(ref, number))

    def note_origin(self, ref: TaskRef, execution: int) -> None:
        """Remember which execution of its run a task is cloned from."""
        self.open(ref, 0).save_metadata({_ORIGIN: {"execution": execution}}, add_attempt=False)

    def origin_of(self, ref: TaskRef) -> Optional[int]:
        """The execution that ``note_origin`` noted for a finished task; None for one that is no clone."""
        task = self._read(ref)
        if not task.has_metadata(_ORIGIN, add_attempt=False):
            return None
        return int(task.load_metadata([_ORIGIN], add_attempt=False)[_ORIGIN]["execution"])

    def has_parameters(self) -> bool:
        """Whether the run's parameters are stored already, by an earlier attempt at the first task."""
        return self._done("_parameters", ids.parameters_task_id()) is not None

    def note_latest_run(self) -> None:
        """Let `python flow.py resume` find a run in place by itself, as it finds the latest of `python flow.py run`."""
        if not os.environ.get(IN_PLACE):
            return
        flow = SimpleNamespace(flow=SimpleNamespace(name=self._launch.flow), echo=lambda *_, **__: None)
        # Such as a folder that only others can write to: the run does not depend on it.
        with suppress(OSError):
            write_latest_run_id(flow, self._run_id)

    def input_paths(self, inputs: Sequence[Input]) -> list[str]:
        """Input paths (run/step/task) in the order in which the step is to see them."""
        paths: list[str] = []
        for given in inputs:
            if given.mappers:
                paths += self.mappers(given.ref)
            else:
                paths += [f"{self._run_id}/{ref.step}/{ref.task_id}" for ref in given.refs()]
        return paths

    def mappers(self, control: TaskRef) -> list[str]:
        """Paths of the tasks that a control task has started; a clone names those of the run that it comes from."""
        result = self._read(control)
        names = [path.rsplit("/", 1)[1] for path in result["_control_mapper_tasks"]]
        if result.get("_control_task_is_mapper_zero"):
            names[0] = control.task_id
        return [f"{self._run_id}/{control.step}/{name}" for name in names]

    def parallel_size(self, task: Task) -> Optional[int]:
        """How many nodes the @parallel step asked for whose control task this is."""
        parent = self._read(task.inputs[0].ref)
        return getattr(parent.get("_parallel_ubf_iter"), "num_parallel", None)

    def begin_nodes(self, control: Task, number: int) -> None:
        """Let no node of a @parallel step have a gap in its attempts before ``number``, as ``failures`` does for tasks.

        A lost attempt of the control task may not have started its nodes, which have its attempts' numbers.
        """
        for node in range(1, (self.parallel_size(control) or 1) if number else 1):
            name = f"{control.ref.task_id}_node_{node}"
            for earlier in range(number):
                attempt = self._datastore.get_task_datastore(
                    self._run_id, control.ref.step, name, attempt=earlier, mode="w"
                )
                if not _has_begun(attempt):
                    attempt.init_task()

    def result(self, ref: TaskRef, number: int) -> FinishedTask:
        """What an attempt that succeeded has left; NotReady without a result."""
        return _result(self._read(ref, number))

    def kept_result(self, ref: TaskRef) -> FinishedTask:
        """What an earlier attempt has left, whose result is kept.

        It is registered, too, if the attempt's process may have been killed before it did so itself.
        """
        done = self._read(ref)
        if not done.has_metadata(_RUNTIME):
            result_registration.complete(self._launch, done)
        return _result(done)

    def _supersede(self, ref: TaskRef, generations: Sequence[int]) -> None:
        for generation in generations:
            task = self.open(replace(ref, generation=generation), 0)
            if _has_begun(task):
                task.save_metadata({_SUPERSEDED: {}}, add_attempt=False)

    def _read(self, ref: TaskRef, number: Optional[int] = None) -> Any:
        found = self._done(ref.step, ref.task_id, number)
        if found is None:
            raise NotReady(
                f"task {self._run_id}/{ref.step}/{ref.task_id} ended without a result in the datastore"
            )
        return found

    def _done(self, step: str, task_id: str, number: Optional[int] = None) -> Any | None:
        try:
            return self._datastore.get_task_datastore(self._run_id, step, task_id, attempt=number)
        except DataException:
            return None


def _has_begun(attempt: Any) -> bool:
    return bool(attempt.has_metadata(attempt.METADATA_ATTEMPT_SUFFIX))


def _result(done: Any) -> FinishedTask:
    """Read it from the artifacts in which Metaflow keeps it (``_transition``, ``_foreach_num_splits``)."""
    steps, foreach = done.get("_transition") or ((), None)
    unbounded = foreach is not None and not done.is_none("_unbounded_foreach")
    splits = done.get("_foreach_num_splits") if foreach is not None and not unbounded else None
    names = sorted(name for name in done if not name.startswith("_") and name != "name")
    return FinishedTask(Outcome(tuple(steps), splits, unbounded), tuple(names))
