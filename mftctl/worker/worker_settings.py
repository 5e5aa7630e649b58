"""How a worker runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from ..model.resources import Resources
from ..model.worker_version import WorkerVersion
from .freshness import MAX_AGE


@dataclass(frozen=True)
class Settings:
    """How a worker runs: the folder of code packages, the number of tasks at once, and ``fork`` or ``spawn``.

    ``spawn`` is a new process for each task. ``python``: the interpreter for flows whose deployer's interpreter is not
    on this machine. ``source``: the user's own file, as given to `run`: its tasks run in place, not from the code
    package. ``host_max_age``: seconds after which an imported flow is imported again. ``machine``: what tasks may take
    of it (default: nothing is counted), and ``gpus`` the names of its GPUs. ``enforce_memory``: stop a task that takes
    more memory than its @resources asks for. ``version``: of Temporal's worker versioning (default: none).
    """

    cache: Path
    concurrency: int
    isolation: str = "fork"
    python: str = sys.executable
    source: str | None = None
    host_max_age: float = MAX_AGE
    machine: Resources | None = None
    gpus: tuple[str, ...] = ()
    enforce_memory: bool = False
    version: WorkerVersion | None = None
