"""Gives forked tasks the global random numbers that a new process would have.

Without a seed, each task must draw other numbers; with a seed from the flow's import, each must draw the same. A fork
does neither by itself: Python's `random` seeds itself anew in each child, numpy's global generator in none.
"""

from __future__ import annotations

import os
import random
import sys
from typing import Any, Callable

from .. import own_code
from .stand_in import put


class RandomState:
    """Watches whether an import seeds Python's global generator, and sets the generators of a forked child."""

    def __init__(self) -> None:
        self._seeded = False
        self._drawn = False
        self._seed, self._setstate, self._urandom = random.seed, random.setstate, os.urandom
        self._getstate = random.getstate
        self._before = self._getstate()
        self._state: Any = None
        self._undo: list[Callable[[], None]] = []

    def watch(self) -> None:
        """Notice ``random.seed(x)``, ``random.setstate(s)`` and ``os.urandom`` from here on."""

        def seed(a: Any = None, version: int = 2) -> None:
            self._seeded = a is not None
            self._seed(a, version)

        def setstate(state: Any) -> None:
            self._seeded = True
            self._setstate(state)

        def urandom(size: int) -> bytes:
            self._drawn = self._drawn or own_code.is_caller()
            return self._urandom(size)

        module: Any
        for module, name, call in (
            (random, "seed", seed),
            (random, "setstate", setstate),
            (os, "urandom", urandom),
            (random, "_urandom", urandom),
        ):
            self._undo.append(put(module, name, call)[1])

    def stop(self) -> None:
        """Restore the functions, and keep the state that the import has left."""
        for undo in self._undo:
            undo()
        self._undo.clear()
        self._state = self._getstate()

    def problems(self) -> list[str]:
        """Random values of the import that all forked tasks would share, in words."""
        return ["random values drawn while it was imported"] if self.drawn() else []

    def drawn(self) -> bool:
        """Whether the import drew numbers without a seed, which a new process would draw anew."""
        numpy_random = getattr(sys.modules.get("numpy"), "random", None)
        numpy_drawn = False
        if numpy_random is not None and _is_unseeded(numpy_random.mtrand._rand):
            # The position of the global generator in its block of numbers, and that of a new one.
            numpy_drawn = numpy_random.get_state()[2] != numpy_random.RandomState().get_state()[2]
        return self._drawn or numpy_drawn or (not self._seeded and self._state != self._before)

    def set_child(self) -> None:
        """In a forked child: draw the numbers that a new process would draw after the same import."""
        if self._seeded:
            self._setstate(self._state)
        numpy_random = getattr(sys.modules.get("numpy"), "random", None)
        if numpy_random is not None and _is_unseeded(numpy_random.mtrand._rand):
            numpy_random.seed()


def _is_unseeded(generator: Any) -> bool:
    """Whether numpy has its seed, a number of up to 128 bits, from the operating system.

    ``numpy.random.seed(x)`` sets the seed sequence to None, and a user's seed is a small number.
    """
    sequence = getattr(generator._bit_generator, "_seed_seq", None)
    entropy = getattr(sequence, "entropy", None)
    return isinstance(entropy, int) and entropy >= 2**64
