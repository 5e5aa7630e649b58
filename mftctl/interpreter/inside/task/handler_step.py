"""A compensation handler as a step: in the process that runs it, and nowhere else.

So a handler runs as any task does: with logs, attempts, artifacts, metadata and decorators, in the context of its step.
"""

from __future__ import annotations

import os
from typing import Any

from ....model.task import COMPENSATION


def prepare(flow: Any) -> None:
    """When this process is to run a handler: let Metaflow take it for a step, that nothing leads to or from."""
    name = os.environ.get(COMPENSATION)
    if not name:
        return
    kind = type(flow)
    handler = vars(next(one for one in kind.__mro__ if name in vars(one)))[name]
    handler.is_step = True
    handler.is_start_step = handler.is_end_step = False
    handler.node_info = {}
    kind._init_graph()
    from metaflow.task import MetaflowTask

    MetaflowTask._init_foreach = _in_the_place_of_its_step


def _in_the_place_of_its_step(task: Any, step: str, join: Any, inputs: Any, index: Any) -> None:  # noqa: ARG001
    """A handler is where its step was: after one that opens a foreach it is in none of the splits."""
    task.flow._foreach_var = task.flow._foreach_num_splits = None
    task.flow._foreach_stack = inputs[0]["_foreach_stack"]
