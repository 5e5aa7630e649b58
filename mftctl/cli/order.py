"""What `run` is asked to do."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from ..model.options import Options
from .output import Format


@dataclass(frozen=True)
class Order:
    """A flow to be run, and how; ``file`` as it was typed, ``began`` in the time of the event loop."""

    file: str
    words: dict[str, str]
    options: Options
    python: str
    isolation: str | None
    host_max_age: str | None
    durable_retries: bool
    run_id_file: Path | None
    format: Format
    began: float = field(default_factory=time.monotonic)
