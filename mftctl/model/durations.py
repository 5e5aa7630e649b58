"""Durations as people write them. Standard library only: the command line and the compiler read the same ones."""

from __future__ import annotations

import re
from typing import Optional, Union

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_MAX_SECONDS = 10 * 365 * 86400
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


def seconds_of(text: Union[str, float]) -> Optional[float]:
    """Seconds of 90, 90s, 15m, 2h, 1d or 1h30m; None for what is no duration, is not positive, or exceeds ten years."""
    given = str(text).strip().lower()
    parts = _PART.findall(given)
    try:
        seconds = float(given)
    except ValueError:
        whole = "".join(number + unit for number, unit in parts) == given.replace(" ", "")
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts) if whole else 0
    return seconds if 0 < seconds < _MAX_SECONDS else None
