"""Hides mftctl's variables from steps that run from the user's own file, as under `python flow.py run`.

Else a run that the step starts (Metaflow's Runner) would be recorded with the code package of this one.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from metaflow.datastore.task_datastore import TaskDataStore

from ..environment import IN_PLACE

_NAMES = (
    "METAFLOW_RUNTIME_NAME",
    "METAFLOW_CODE_METADATA",
    "METAFLOW_CODE_SHA",
    "METAFLOW_CODE_URL",
    "METAFLOW_CODE_DS",
)
#: Their values before the flow's import, which may set its own.
_GIVEN = {name: os.environ[name] for name in _NAMES if name in os.environ}


def prepare() -> None:
    """Let Metaflow's command line drop them once it has recorded them for the task.

    The control task of @parallel keeps them for the tasks that it starts.
    """
    if not os.environ.get(IN_PLACE) or "ubf_control" in sys.argv:
        return
    original = TaskDataStore.save_metadata

    def save_metadata(made: Any, contents: Any, *more: Any, **options: Any) -> Any:
        result = original(made, contents, *more, **options)
        # Before the step, Metaflow reads them last for this record.
        for name, value in _GIVEN.items() if "task_begin" in contents else ():
            if os.environ.get(name) == value:
                del os.environ[name]
        return result

    TaskDataStore.save_metadata = save_metadata
