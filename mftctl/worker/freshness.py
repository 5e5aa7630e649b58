"""Whether a host has expired: it is too old, or the files of its flow have changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

#: Seconds for which a host is used by default.
MAX_AGE = 3600.0


class Freshness:
    """The expiry of one host: its maximum age in seconds, and the files that its flow was imported from.

    ``files``: their modification times and sizes at the import, by path. ``clock`` returns seconds.
    """

    def __init__(
        self, files: Mapping[str, Any], max_age: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._files = {path: tuple(state) for path, state in files.items()}
        self._clock = clock
        self._until = clock() + max_age

    @property
    def expired(self) -> bool:
        """Whether a new host must replace this one."""
        return self._clock() >= self._until or any(
            _state(path) != before for path, before in self._files.items()
        )


def _state(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
