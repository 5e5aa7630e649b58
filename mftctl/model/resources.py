"""What a task needs of a machine, and what a worker has: processor cores, memory and GPUs.

Tasks that need more than a slot wait in a task queue of their own for each such need, ``<queue>#cpu=4,memory=16384``.
So a worker knows what a task needs before it polls for it, and polls only for what fits.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Optional

#: What Metaflow's @resources asks for by default, memory in MB, and no GPU: no more than a slot.
DEFAULT_CPU, DEFAULT_MEMORY = 1.0, 4096
_SUFFIX = re.compile(
    r"^(?P<queue>.+)#(?P<needs>(?:cpu=[0-9]+(?:\.[0-9]+)?|(?:memory|gpu)=[0-9]+)(?:,(?:memory|gpu)=[0-9]+)*)$"
)


@dataclass(frozen=True)
class Resources:
    """Cores, memory in MB, and GPUs: of a machine, or as a task needs them."""

    cpu: float = 0.0
    memory: int = 0
    gpu: int = 0

    def __bool__(self) -> bool:
        return self != NOTHING

    def __add__(self, other: Resources) -> Resources:
        return Resources(self.cpu + other.cpu, self.memory + other.memory, self.gpu + other.gpu)

    def __sub__(self, other: Resources) -> Resources:
        return Resources(self.cpu - other.cpu, self.memory - other.memory, self.gpu - other.gpu)

    def fits(self, free: Resources) -> bool:
        """Whether ``free`` has at least this much of each."""
        rounding = 1e-6  # cores are shared in fractions
        return self.cpu <= free.cpu + rounding and self.memory <= free.memory and self.gpu <= free.gpu

    def __str__(self) -> str:
        parts = [("cpu", f"{self.cpu:g}"), ("memory", str(self.memory)), ("gpu", str(self.gpu))]
        return ",".join(f"{name}={value}" for name, value in parts if value != "0")


NOTHING = Resources()


def queue_for(queue: str, needs: Resources) -> str:
    """The task queue for tasks of ``queue`` that need this."""
    return f"{queue}#{needs}" if needs else queue


@functools.lru_cache(maxsize=4096)  # a worker asks for each of its task queues whenever it may poll
def needs_of(queue: str) -> Optional[Resources]:
    """What the tasks of a task queue of ``queue_for`` need; None for any other task queue."""
    found = _SUFFIX.match(queue)
    if found is None:
        return None
    given = dict(part.split("=") for part in found["needs"].split(","))
    return Resources(float(given.get("cpu", 0)), int(given.get("memory", 0)), int(given.get("gpu", 0)))


def queue_text(queue: str) -> str:
    """A task queue for people: ``default``, or ``default with cpu=4,memory=16384``."""
    needs = needs_of(queue)
    return queue if needs is None else f"{base_of(queue)} with {needs}"


def base_of(queue: str) -> str:
    """The task queue that a task queue of ``queue_for`` belongs to; any other as it is."""
    found = _SUFFIX.match(queue)
    return queue if found is None else found["queue"]
