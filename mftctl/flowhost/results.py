"""What is in the datastore about a run's tasks: what they decided, and how earlier attempts ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

from metaflow.datastore import FlowDataStore
from metaflow.plugins import DATASTORES

from .. import ids
from ..manifest import Launch
from ..tasks import Attempt, Outcome, Task, TaskRef


class NotReady(Exception):
    """A task that should have finished has left no result."""


class Store:
    """The datastore of a run's flow."""

    def __init__(self, launch: Launch, run_id: str) -> None:
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
            failed += attempt.has_metadata("runtime")
            if not attempt.has_metadata("attempt"):
                # Metaflow counts attempts up to the first gap; one that was lost before it began must not be one.
                attempt.init_task()
        return failed

    def finished(self, ref: TaskRef, generation: int) -> Optional[TaskRef]:
        """The task as it finished well in ``generation`` or, failing that, in one before; None when in none."""
        for earlier in range(generation, -1, -1):
            found = replace(ref, generation=earlier)
            done = self._done(found.step, found.task_id)
            if done is not None and done.get("_task_ok"):
                return found
        return None

    def has_parameters(self) -> bool:
        """Whether the run's parameters are stored already, by an earlier attempt at the first task."""
        return self._done("_parameters", ids.parameters_task_id()) is not None

    def input_paths(self, attempt: Attempt) -> list[str]:
        """Input paths (run/step/task) in the order in which the step is to see them."""
        paths: list[str] = []
        for given in attempt.task.inputs:
            if given.mappers:
                paths += self._read(given.ref)["_control_mapper_tasks"]
            else:
                paths += [f"{self._run_id}/{ref.step}/{ref.task_id}" for ref in given.refs()]
        return paths

    def parallel_size(self, task: Task) -> Optional[int]:
        """How many nodes the @parallel step asked for whose control task this is."""
        parent = self._read(task.inputs[0].ref)
        return getattr(parent.get("_parallel_ubf_iter"), "num_parallel", None)

    def outcome(self, ref: TaskRef, number: Optional[int]) -> Outcome:
        """What a finished attempt decided (``_transition``, ``_foreach_num_splits``); NotReady without a result."""
        result = self._read(ref, number)
        steps, foreach = result.get("_transition") or ((), None)
        unbounded = foreach is not None and not result.is_none("_unbounded_foreach")
        splits = result.get("_foreach_num_splits") if foreach is not None and not unbounded else None
        return Outcome(tuple(steps), splits, unbounded)

    def artifacts(self, ref: TaskRef, number: Optional[int]) -> list[str]:
        """Names of the attempt's artifacts, Metaflow's own left out."""
        return sorted(name for name in self._read(ref, number) if not name.startswith("_") and name != "name")

    def _read(self, ref: TaskRef, number: Optional[int] = None) -> Any:
        found = self._done(ref.step, ref.task_id, number)
        if found is None:
            raise NotReady(
                f"task {self._run_id}/{ref.step}/{ref.task_id} ended without a result in the datastore"
            )
        return found

    def _done(self, step: str, task_id: str, number: Optional[int] = None) -> Any | None:
        from metaflow.datastore.exceptions import DataException

        try:
            return self._datastore.get_task_datastore(self._run_id, step, task_id, attempt=number)
        except DataException:
            return None


def flow_datastore(launch: Launch) -> FlowDataStore:
    """Metaflow's datastore of the flow."""
    storage = next(one for one in DATASTORES if launch.datastore == one.TYPE)
    return FlowDataStore(launch.flow, None, storage_impl=storage, ds_root=launch.datastore_root)
