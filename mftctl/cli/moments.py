"""Points in time, for programs and people, and as people write them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from ..model.errors import Exit, MftctlError
from . import durations


def moment(text: str, what: str) -> datetime:
    """A time: how long ago, such as 2h, or ISO 8601, local where it names no zone."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        pass
    try:
        return datetime.now(UTC) - timedelta(seconds=durations.parse(text, what))
    except MftctlError as error:
        raise MftctlError(
            f"{what}: '{text}' is no time",
            exit=Exit.USAGE,
            code="usage",
            hint="write how long ago, such as 90s, 2h or 7d, or a time, such as 2026-03-02T10:15",
        ) from error


def iso(at: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    return _utc(at, "seconds")


def exact(at: datetime | float | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond; of Unix seconds, too. None stays None."""
    if at is None:
        return None
    return _utc(at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC), "milliseconds")


def shown(at: datetime) -> str:
    """For people: local time on a terminal, ISO 8601 elsewhere."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if sys.stdout.isatty() else iso(at)


def _utc(at: datetime, timespec: str) -> str:
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
