"""How much memory flow hosts take, and how much of this machine's they may take."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

#: The share of the machine's memory that hosts may take together: the rest is for their tasks.
SHARE = 0.25
#: Bytes that a host counts for where the system does not tell them: a flow that imports pandas.
UNKNOWN = 200 * 1024**2
_CGROUPS = Path("/sys/fs/cgroup")
_CGROUP = Path("/proc/self/cgroup")


def memory_limit() -> int:
    """Bytes that all hosts may take together: a share of the machine's memory, or of the cgroup's if that has less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(min([machine, *_cgroup_limits()]) * SHARE)


def memory_of(pid: int) -> int:
    """Bytes of memory that a process shares with no file: its tasks are forks, which take little more."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return UNKNOWN


def _cgroup_limits() -> list[int]:
    """The limits of the cgroup of this process and of those above it, of version 2 or 1."""
    found = []
    for name, root, file in (
        ("", _CGROUPS, "memory.max"),
        ("memory", _CGROUPS / "memory", "memory.limit_in_bytes"),
    ):
        for folder in _folders(root, name):
            with suppress(OSError, ValueError):  # "max": no limit
                found.append(int((folder / file).read_text(encoding="ascii")))
    return found


def _folders(root: Path, controller: str) -> list[Path]:
    """The folders of this process's cgroup and of those above it."""
    with suppress(OSError):
        for line in _CGROUP.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                inner = root / path.lstrip("/")
                return [inner, *(above for above in inner.parents if above.is_relative_to(root))]
    return []
