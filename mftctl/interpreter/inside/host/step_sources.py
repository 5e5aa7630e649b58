"""Keeps the source lines of a flow's steps, which Metaflow reads again whenever it makes the flow's graph.

It makes the graph when the flow is imported, and once more in each task: the cost of a task would grow with the number
of the flow's steps. The lines are those of the functions that were imported, and do not change with the file.
"""

from __future__ import annotations

import inspect
from functools import cache
from types import SimpleNamespace

from metaflow import graph


def keep() -> None:
    """Keep what is read from now on, also for the tasks that are forked later."""
    kept = {
        function.__name__: cache(function) for function in (inspect.getsourcefile, inspect.getsourcelines)
    }
    graph.inspect = SimpleNamespace(**{**vars(inspect), **kept})
