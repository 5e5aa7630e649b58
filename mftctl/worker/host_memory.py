"""How much memory hosts take, and how much of this machine's they may take."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from . import machine

#: The share of the machine's memory that hosts may take together: the rest is for their tasks.
SHARE = 0.25
#: Bytes that a host counts for where the system does not tell them: a flow that imports pandas.
UNKNOWN = 200 * 1024**2


def memory_limit() -> int:
    """Bytes that all hosts may take together: a share of the machine's memory, or of the cgroup's if that has less."""
    return int(machine.memory() * SHARE)


def memory_of(pid: int) -> int:
    """Bytes of memory that a process shares with no file: its tasks are forks, which take little more."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return UNKNOWN
