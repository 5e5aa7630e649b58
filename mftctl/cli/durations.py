"""Durations as people write them: 90, 90s, 15m, 2h, 1d, 1h30m."""

from __future__ import annotations

import re

from ..model.errors import Exit, MftctlError

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


def parse(text: str | float, what: str) -> float:
    """Seconds; a plain number is seconds. MftctlError names ``what`` has a bad one."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return _positive(float(text), str(text), what)
    given = str(text).strip().lower()
    try:
        return _positive(float(given), given, what)
    except ValueError:
        pass
    parts = _PART.findall(given)
    if not parts or "".join(number + unit for number, unit in parts) != given.replace(" ", ""):
        raise _bad(given, what)
    return _positive(sum(float(number) * _SECONDS[unit] for number, unit in parts), given, what)


def format_seconds(seconds: float) -> str:
    """A duration for people: 0.4s, 12s, 3m05s, 2h04m."""
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def _positive(seconds: float, text: str, what: str) -> float:
    if not 0 < seconds < 10 * 365 * 86400:
        raise _bad(text, what)
    return seconds


def _bad(text: str, what: str) -> MftctlError:
    return MftctlError(
        f"{what}: '{text}' is no duration",
        exit=Exit.USAGE,
        code="usage",
        hint="write it as 90, 90s, 15m, 2h or 1h30m",
    )
