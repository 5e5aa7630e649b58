"""Gives cloned tasks of a new run the parameters of that run.

Metaflow's `resume` clones parameters with all else. `resume --new-run` takes new values for them, and a step reads
parameters from the task before it, which may be a clone.
"""

from __future__ import annotations

from typing import Any

from metaflow.datastore.task_datastore import TaskDataStore

from ....model import ids

OPTION = "--clone-only"


def prepare(argv: list[str]) -> None:
    """If this process clones a task, let the clone have the parameters of its own run."""
    if OPTION not in argv:
        return
    original = TaskDataStore.clone

    def clone(made: Any, origin: Any) -> None:
        original(made, origin)
        own = made._parent.get_task_datastore(made._run_id, "_parameters", ids.parameters_task_id())
        made.passdown_partial(own, [parameter["name"] for parameter in own["_graph_info"]["parameters"]])

    TaskDataStore.clone = clone
