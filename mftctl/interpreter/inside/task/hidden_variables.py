"""Variables of a task that runs the user's own file, which its step does not see, as with `run`.

A run that the step starts (Metaflow's Runner) would be recorded as one of Temporal's, with this one's code package.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from ..environment import IN_PLACE

_NAMES = (
    "METAFLOW_RUNTIME_NAME",
    "METAFLOW_CODE_METADATA",
    "METAFLOW_CODE_SHA",
    "METAFLOW_CODE_URL",
    "METAFLOW_CODE_DS",
)
#: As this process was given them: the flow's import may set its own.
_GIVEN = {name: os.environ[name] for name in _NAMES if name in os.environ}


def prepare() -> None:
    """Before this process goes on into Metaflow's command line: drop them when Metaflow has recorded them for the task.

    The control task of @parallel keeps them for the tasks that it starts, which are recorded as it is.
    """
    if not os.environ.get(IN_PLACE) or "ubf_control" in sys.argv:
        return
    from metaflow.datastore.task_datastore import TaskDataStore

    original = TaskDataStore.save_metadata

    def save_metadata(made: Any, contents: Any, *more: Any, **options: Any) -> Any:
        result = original(made, contents, *more, **options)
        # The last that Metaflow does with them before the step.
        if "task_begin" in contents:
            _drop()
        return result

    TaskDataStore.save_metadata = save_metadata


def _drop() -> None:
    for name, value in _GIVEN.items():
        if os.environ.get(name) == value:
            del os.environ[name]
