"""Global random numbers of a forked task as those of a new process.

Unseeded, every task must draw other numbers; seeded while the flow was imported, every task must draw the same.
A fork does neither by itself: Python's `random` seeds itself anew in every child, numpy's global generator in none.
"""

from __future__ import annotations

import random
import sys
from typing import Any


class Seeds:
    """Watches whether an import seeds Python's global generator, and sets a forked child right."""

    def __init__(self) -> None:
        self._seeded = False
        self._seed, self._setstate = random.seed, random.setstate
        self._state: Any = None

    def watch(self) -> None:
        """From here on, notice ``random.seed(x)`` and ``random.setstate(s)``."""

        def seed(a: Any = None, version: int = 2) -> None:
            self._seeded = a is not None
            self._seed(a, version)

        def setstate(state: Any) -> None:
            self._seeded = True
            self._setstate(state)

        random.seed, random.setstate = seed, setstate

    def keep(self) -> None:
        """The import is over: remember the state it left."""
        random.seed, random.setstate = self._seed, self._setstate
        self._state = random.getstate()

    def settle_child(self) -> None:
        """In a forked child: the numbers a new process would draw after the same import."""
        if self._seeded:
            random.setstate(self._state)
        numpy_random = getattr(sys.modules.get("numpy"), "random", None)
        if numpy_random is not None and _is_unseeded(numpy_random.mtrand._rand):
            numpy_random.seed()


def _is_unseeded(generator: Any) -> bool:
    """Whether numpy took the seed from the operating system: then it is a number of up to 128 bits.

    ``numpy.random.seed(x)`` drops the seed sequence (it becomes None) and a seed of one's own is a small number.
    """
    sequence = getattr(generator._bit_generator, "_seed_seq", None)
    entropy = getattr(sequence, "entropy", None)
    return isinstance(entropy, int) and entropy >= 2**64
