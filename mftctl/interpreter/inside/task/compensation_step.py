"""Makes a compensation handler a step of its flow, in the process that runs it.

So a handler runs as any task does: with logs, attempts, artifacts, metadata and decorators.
"""

from __future__ import annotations

import os
from typing import Any

from metaflow.task import MetaflowTask

from ....model.variables import COMPENSATION


def prepare(flow: Any) -> None:
    """If this process runs a handler, make it a step that no other step leads to or from."""
    name = os.environ.get(COMPENSATION)
    if not name:
        return
    kind = type(flow)
    handler = vars(next(one for one in kind.__mro__ if name in vars(one)))[name]
    handler.is_step = True
    handler.is_start_step = handler.is_end_step = False
    handler.node_info = {}
    kind._init_graph()
    MetaflowTask._init_foreach = _init_foreach


def _init_foreach(task: Any, step: str, join: Any, inputs: Any, index: Any) -> None:  # noqa: ARG001
    """A handler has the place of its step: after a step that opens a foreach it is in none of the splits."""
    task.flow._foreach_var = task.flow._foreach_num_splits = None
    task.flow._foreach_stack = inputs[0]["_foreach_stack"]
