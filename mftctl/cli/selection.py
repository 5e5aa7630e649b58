"""Which tasks of a run are meant: ``train``, ``train/3``, ``train/3,1``, ``train[3]``, or a task id."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..model.errors import Exit, MftctlError

if TYPE_CHECKING:
    from ..control.runs.record import RunRecord, TaskRecord

_NAMED = re.compile(r"^([A-Za-z_]\w*)(?:/(.+)|\[([\d,]+)\])?$")


def selected(record: RunRecord, run_id: str, where: str | None) -> list[TaskRecord]:
    """The run's tasks that ``where`` names, or all. Exit code 4 for a step or a task that is not there."""
    tasks = [one for one in record.tasks.values() if one.kind != "hook"]
    if where is None:
        return tasks
    named = _NAMED.match(where)
    if named is None:
        raise MftctlError(
            f"'{where}' is no task", exit=Exit.USAGE, code="usage", hint="write it as STEP or STEP/INDEX"
        )
    step, index = named[1], named[2] or named[3]
    known = [*record.manifest.graph, *record.manifest.handlers]
    if step not in known:
        raise MftctlError(
            f"{record.manifest.flow} has no step '{step}'",
            exit=Exit.NOT_FOUND,
            code="step.unknown",
            hint=f"its steps: {', '.join(known)}",
        )
    tasks = [one for one in tasks if one.step == step]
    if index is None:
        return tasks
    path = tuple(int(one) for one in index.split(",")) if re.fullmatch(r"\d+(,\d+)*", index) else None
    tasks = [one for one in tasks if index == one.task_id or (path is not None and one.path == path)]
    if not tasks:
        raise MftctlError(
            f"run {run_id} has no task {step}/{index} yet", exit=Exit.NOT_FOUND, code="task.unknown"
        )
    return tasks
