"""Finds what a flow's import has left in the process that a fork would lack, or that all forks would share."""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import threading
from dataclasses import dataclass
from typing import Any

from . import native_threads as threads
from .descriptors import Descriptors


@dataclass(frozen=True)
class Snapshot:
    """The state of the process before the flow is imported; ``generators`` are ids of objects."""

    descriptors: Descriptors
    generators: frozenset[int]
    threads: frozenset[int]


def snapshot() -> Snapshot:
    """Record the state of the process."""
    generators = frozenset(map(id, _generators()))
    return Snapshot(Descriptors(), generators, frozenset(threads.native()))


def problems(before: Snapshot) -> list[str]:
    """Why tasks cannot be forked from this process, in words; empty when they can."""
    found = process_problems(before)
    found += before.descriptors.problems()
    if signal.getitimer(signal.ITIMER_REAL)[0]:
        found.append("an alarm")
    return found


def process_problems(before: Snapshot) -> list[str]:
    """The same without open files and alarms, which Metaflow may have itself."""
    found = []
    names = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if names:
        found.append(f"a thread ({', '.join(names)})")
    names = threads.lost_in_fork(before.threads)
    if names:
        found.append(f"native threads ({', '.join(names)})")
    if _has_children():
        found.append("a child process")
    if _cuda_is_live():
        found.append("a CUDA context")
    generators = {type(one).__name__ for one in _generators() if id(one) not in before.generators}
    if generators:
        found.append(f"a random number generator of its own ({', '.join(sorted(generators))})")
    return found


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _cuda_is_live() -> bool:
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    return bool(cuda and cuda.is_initialized())


def _generators() -> list[Any]:
    """Random number generators, without the global ones of `random` and numpy (``randomness.py``)."""
    kinds: tuple[type, ...] = (random.Random,)
    global_ones = {id(getattr(random, "_inst", None))}
    numpy_random = getattr(sys.modules.get("numpy"), "random", None)
    if numpy_random is not None:
        kinds += (numpy_random.Generator, numpy_random.RandomState)
        global_ones.add(id(numpy_random.mtrand._rand))
    return [
        one
        for one in gc.get_objects()
        if isinstance(one, kinds) and not isinstance(one, random.SystemRandom) and id(one) not in global_ones
    ]
