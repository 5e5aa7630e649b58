"""The arguments of one `mftctl run`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from ...console.output import Format


@dataclass(frozen=True)
class RunRequest:
    """Arguments of `mftctl run`; ``began`` is in seconds of the event loop's clock."""

    file: str
    parameters: tuple[str, ...]
    isolation: str | None
    host_max_age: str | None
    durable_retries: bool
    run_id_file: Path | None
    format: Format
    began: float = field(default_factory=time.monotonic)
