"""Whether a flow host may still be used, or what it has imported may be out of date."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

#: Seconds for which a host is used, unless the worker is told otherwise.
MAX_AGE = 3600.0


class Freshness:
    """Of one host: how old it may become, and the files that it had read its flow from, as they were then.

    ``files``: what `imported` has found. ``max_age`` in seconds; ``clock`` counts them.
    """

    def __init__(
        self, files: Mapping[str, Any], max_age: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._files = {path: tuple(state) for path, state in files.items()}
        self._clock = clock
        self._until = clock() + max_age

    @property
    def over(self) -> bool:
        """Whether a new host is to take the place of this one."""
        return self._clock() >= self._until or any(
            _state(path) != before for path, before in self._files.items()
        )


def _state(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
