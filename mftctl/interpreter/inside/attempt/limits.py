"""What a task may take at most: the time of @temporal, and the memory of @resources where its worker enforces that."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic  # its own, whatever the flow makes of it
from typing import Optional

#: Seconds between two looks at a task's memory: it can take more for so long before it is stopped.
EVERY = 0.25
#: An exact look takes at most this part of the time: its cost grows with the memory.
SHARE = 0.1
_MEGABYTE = 1024**2


@dataclass(frozen=True)
class Limits:
    """``seconds`` from a process's start, and ``memory`` in MB; None: any."""

    seconds: Optional[float] = None
    memory: Optional[int] = None


class Usage:
    """What a process, which leads a group, has taken of its limits so far."""

    def __init__(self, limits: Limits, group: int) -> None:
        self._limits = limits
        self._group = group
        self._began = monotonic()
        self._look = 0.0 if limits.memory is not None else float("inf")

    def wait(self) -> float:
        """Seconds after which to ask again for what is ``exceeded``."""
        until = self._look
        if self._limits.seconds is not None:
            until = min(until, self._began + self._limits.seconds)
        return max(0.0, until - monotonic())

    def exceeded(self) -> str:
        """What the process has taken too much of, such as ``out of memory: asked 4G, used 4.1G``, or nothing."""
        now, seconds, memory = monotonic(), self._limits.seconds, self._limits.memory
        if seconds is not None and now - self._began >= seconds:
            return f"took longer than start_to_close, {seconds:g} s"
        if memory is None or now < self._look:
            return ""
        used = memory_of(self._group, memory * _MEGABYTE)
        ended = monotonic()
        self._look = ended + max(EVERY, (ended - now) / SHARE)
        if used <= memory * _MEGABYTE:
            return ""
        return f"out of memory: asked {_size(memory)}, used {_size(used / _MEGABYTE)}"


def memory_of(group: int, enough: int) -> int:
    """Bytes that the processes of a group take, without files that they only map.

    What several share counts once, in parts, which takes time to find out: a sum that is at most ``enough`` although
    each of them counts all that it shares is returned as it is.
    """
    pids = [pid for pid in os.listdir("/proc") if pid.isdigit() and _group_of(pid) == group]
    rough = sum(_kilobytes(f"/proc/{pid}/status", ("RssAnon", "RssShmem")) for pid in pids) * 1024
    if rough <= enough:
        return rough
    exact = sum(_kilobytes(f"/proc/{pid}/smaps_rollup", ("Pss_Anon", "Pss_Shmem")) for pid in pids) * 1024
    return exact or rough  # a kernel before 5.4 has no such sums


def _group_of(pid: str) -> Optional[int]:
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/stat", encoding="latin-1") as stat:
        return int(stat.read().rpartition(")")[2].split()[2])
    return None  # it has just ended


def _kilobytes(file: str, names: tuple[str, ...]) -> int:
    with suppress(OSError, ValueError), open(file, encoding="latin-1") as lines:
        parts = (line.partition(":") for line in lines)
        return sum(int(value.split()[0]) for name, _, value in parts if name in names)
    return 0  # it has just ended, or it is not ours


def _size(megabytes: float) -> str:
    if megabytes < 1024:
        return f"{megabytes:.0f}M"
    return f"{megabytes / 1024:.2f}".rstrip("0").rstrip(".") + "G"
