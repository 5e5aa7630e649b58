"""The GPUs of a worker, handed out to tasks by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

#: What CUDA, and all that is built on it, reads: the GPUs that a process sees.
VARIABLE = "CUDA_VISIBLE_DEVICES"


class Gpus:
    """GPUs by name or number, of which a task gets those that no other task has."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self._free = list(names)

    @contextmanager
    def assigned(self, count: int) -> Iterator[Mapping[str, str]]:
        """The variable that shows a task its ``count`` GPUs, for as long as it runs; none for a task without any."""
        if not count:
            yield {}
            return
        names, self._free = self._free[:count], self._free[count:]
        assert len(names) == count, "the slots let a task begin that needs more GPUs than there are"
        try:
            yield {VARIABLE: ",".join(names)}
        finally:
            self._free += names


#: For a worker without GPUs. Nothing is ever taken from it.
NO_GPUS = Gpus()
