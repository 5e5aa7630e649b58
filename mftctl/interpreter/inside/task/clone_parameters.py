"""Cloned tasks of a new run have the new run's parameters.

Metaflow's own `resume` clones the parameters with all else. Ours may be given other values for them, and a step reads
parameters from the task before it, which may be a clone. So a clone is given those that its run was started with.
"""

from __future__ import annotations

from typing import Any

from ....model import ids

OPTION = "--clone-only"


def prepare(argv: list[str]) -> None:
    """When this process is to clone a task: let Metaflow's clone take the parameters of its own run."""
    if OPTION not in argv:
        return
    from metaflow.datastore.task_datastore import TaskDataStore

    original = TaskDataStore.clone

    def clone(made: Any, origin: Any) -> None:
        original(made, origin)
        own = made._parent.get_task_datastore(made._run_id, "_parameters", ids.parameters_task_id())
        made.passdown_partial(own, [parameter["name"] for parameter in own["_graph_info"]["parameters"]])

    TaskDataStore.clone = clone
