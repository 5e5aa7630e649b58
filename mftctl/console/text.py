"""Text for people: aligned columns, durations, sizes and points in time, as they are written and read."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TextIO, overload

from ..model.durations import seconds_of
from ..model.errors import MftctlError, UsageError
from .output import Time, printable

#: Times of people's data lie between these.
EPOCH, FAR = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """The rows as lines: aligned on a terminal, with tabs between elsewhere. The last column is never padded."""
    rows = [[printable(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        return "\n".join("\t".join(row) for row in rows)
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )


def parse_duration(text: str | float, what: str) -> float:
    """Seconds of 90, 90s, 15m, 2h, 1d or 1h30m. MftctlError where the text is no duration; ``what`` has it."""
    seconds = seconds_of(text)
    if seconds is None:
        raise _unreadable(
            str(text).strip().lower(), "a duration", what, "write it as 90, 90s, 15m, 2h or 1h30m"
        )
    return seconds


def format_duration(seconds: float) -> str:
    """A duration for people: 0.4s, 12s, 3m05s, 2h04m."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def format_size(count: float) -> str:
    """Bytes for people: 812 B, 1.4 MB, 140 MB."""
    unit = "B"
    for larger in ("KB", "MB", "GB"):
        if count < 1000:
            break
        count, unit = count / 1000, larger
    return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"


def parse_time(text: str, what: str) -> datetime:
    """A point in time: how long ago, such as 2h, or ISO 8601, local where it names no zone."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.now(UTC) - timedelta(seconds=parse_duration(text, what))
    except (MftctlError, OverflowError) as error:
        hint = "write how long ago, such as 90s, 2h or 7d, or a time, such as 2026-03-02T10:15"
        raise _unreadable(text, "a time", what, hint) from error


def parse_time_in(text: str, zone: str | None, what: str, *, end: bool = False) -> datetime:
    """An ISO 8601 date or time, in ``zone`` (UTC for None) where it names none.

    A date is the first moment of that day, or with ``end`` the last. MftctlError names ``what`` has a bad value.
    """
    # 2 ms of every `--help` without it.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        found = datetime.fromisoformat(text)
        if len(text) <= len("2026-01-01"):
            found = datetime.combine(date.fromisoformat(text), time.max if end else time.min)
        found = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone or "UTC"))
        if not EPOCH <= found.astimezone(UTC) < FAR:
            raise ValueError
    except (ValueError, OverflowError, ZoneInfoNotFoundError) as error:
        hint = "write it as 2026-01-31, 2026-01-31T06:00 or 2026-01-31T06:00:00+01:00"
        raise _unreadable(text, "a time", what, hint) from error
    return found


def iso(at: datetime) -> Time:
    """ISO 8601 in UTC, to the second."""
    return _utc(at, "seconds")


@overload
def exact(at: datetime | float) -> Time: ...
@overload
def exact(at: None) -> None: ...
@overload
def exact(at: datetime | float | None) -> Time | None: ...
def exact(at: datetime | float | None) -> Time | None:
    """ISO 8601 in UTC, to the millisecond; of Unix seconds, too. None stays None."""
    if at is None:
        return None
    return _utc(at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC), "milliseconds")


def local_time(at: datetime | Time) -> str:
    """A point in time for people: local time on a terminal, ISO 8601 elsewhere."""
    at = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if sys.stdout.isatty() else iso(at)


def log_time(at: float) -> str:
    """A Unix time as Metaflow writes it in logs: local time, to the millisecond."""
    return datetime.fromtimestamp(at).isoformat(" ", "milliseconds")  # noqa: DTZ006 - local time, as Metaflow


def can_draw(out: TextIO) -> bool:
    """Whether ``out`` is a terminal that can redraw lines."""
    return out.isatty() and os.environ.get("TERM", "dumb") not in {"dumb", ""}


def _unreadable(text: str, kind: str, what: str, hint: str) -> UsageError:
    return UsageError(f"{what}: '{text}' is not {kind}", hint=hint)


def _utc(at: datetime, timespec: str) -> Time:
    return Time(at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z"))
