"""Points in time, for programs and people."""

from __future__ import annotations

import sys
from datetime import UTC, datetime


def iso(at: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def shown(at: datetime) -> str:
    """For people: local time on a terminal, ISO 8601 elsewhere."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if sys.stdout.isatty() else iso(at)
