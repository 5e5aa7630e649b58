"""What this machine has for tasks: cores, memory and GPUs, as far as this process may use them."""

from __future__ import annotations

import math
import os
import subprocess
from contextlib import suppress
from pathlib import Path

from .gpus import VARIABLE

_CGROUPS = Path("/sys/fs/cgroup")
_CGROUP = Path("/proc/self/cgroup")


def cores() -> int:
    """Cores that this process may use: of its affinity, and no more than the quota of its cgroup, rounded up."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *(math.ceil(quota) for quota in _quotas())]))


def memory() -> int:
    """Bytes of memory: the machine's, or the cgroup's if that has less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_memory_limits()])


def gpus() -> tuple[str, ...]:
    """The GPUs: of CUDA_VISIBLE_DEVICES, else as NVIDIA's tool lists them; none without either."""
    given = os.environ.get(VARIABLE)
    if given is not None:
        return tuple(name for part in given.split(",") if (name := part.strip()) and name != "-1")
    with suppress(OSError, subprocess.SubprocessError):
        command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
        listed = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return tuple(listed.stdout.split())
    return ()


def _quotas() -> list[float]:
    """Cores that the cgroup of this process, and those above it, may use, of version 2 or 1."""
    found = []
    for folder in _folders(_CGROUPS, ""):
        with suppress(OSError, ValueError):  # "max": no limit
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
            found.append(int(quota) / int(period))
    for folder in _folders(_CGROUPS / "cpu", "cpu"):
        with suppress(OSError, ValueError):
            limit = int((folder / "cpu.cfs_quota_us").read_text(encoding="ascii"))
            if limit > 0:
                found.append(limit / int((folder / "cpu.cfs_period_us").read_text(encoding="ascii")))
    return found


def _memory_limits() -> list[int]:
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
