"""Global random numbers of a forked task as those of a new process.

Unseeded, every task must draw other numbers; seeded while the flow was imported, every task must draw the same.
A fork does neither by itself: Python's `random` seeds itself anew in every child, numpy's global generator in none.
"""

from __future__ import annotations

import os
import random
import sys
from typing import Any, Callable

from .. import own_code


class Seeds:
    """Watches whether an import seeds Python's global generator, and sets a forked child right."""

    def __init__(self) -> None:
        self._seeded = False
        self._drawn = False
        self._seed, self._setstate, self._urandom = random.seed, random.setstate, os.urandom
        self._getstate = random.getstate
        self._before = self._getstate()
        self._state: Any = None
        self._undo: list[Callable[[], None]] = []

    def watch(self) -> None:
        """From here on, notice ``random.seed(x)`` and ``random.setstate(s)``."""

        def seed(a: Any = None, version: int = 2) -> None:
            self._seeded = a is not None
            self._seed(a, version)

        def setstate(state: Any) -> None:
            self._seeded = True
            self._setstate(state)

        def urandom(size: int) -> bytes:
            self._drawn = self._drawn or own_code.asks()
            return self._urandom(size)

        self._replace(random, "seed", seed)
        self._replace(random, "setstate", setstate)
        self._replace(os, "urandom", urandom)
        self._replace(random, "_urandom", urandom)

    def keep(self) -> None:
        """The import is over: remember the state it left."""
        for undo in self._undo:
            undo()
        self._undo.clear()
        self._state = self._getstate()

    def _replace(self, module: Any, name: str, watching: Any) -> None:
        original = getattr(module, name)
        setattr(module, name, watching)

        def undo() -> None:
            # The flow may have put a function of its own there.
            if getattr(module, name, None) is watching:
                setattr(module, name, original)

        self._undo.append(undo)

    def left(self) -> list[str]:
        """What the import left that all forked tasks would share, in words."""
        return ["random values drawn while it was imported"] if self.drawn() else []

    def drawn(self) -> bool:
        """Whether the import drew numbers that a new process would draw anew: all forked tasks would share them."""
        numpy_random = getattr(sys.modules.get("numpy"), "random", None)
        numpy_drawn = False
        if numpy_random is not None and _is_unseeded(numpy_random.mtrand._rand):
            # Where the global generator stands in its block of numbers, and where one stands that is new.
            numpy_drawn = numpy_random.get_state()[2] != numpy_random.RandomState().get_state()[2]
        return self._drawn or numpy_drawn or (not self._seeded and self._state != self._before)

    def settle_child(self) -> None:
        """In a forked child: the numbers a new process would draw after the same import."""
        if self._seeded:
            self._setstate(self._state)
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
