"""What a worker's machine has for tasks with @resources: options, variables and profile, else what is found."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

from ..model.errors import UsageError
from ..model.resources import Resources
from ..profiles import Profile
from ..worker import machine

_GROUP = Parameter(group=Group("Resources", sort_key=100))
_MEGABYTES = {"": 1.0, "m": 1.0, "g": 1024.0, "t": 1024.0**2}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([mgt]?)(?:i?b)?")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class MachineOptions:
    """What tasks with @resources may take of the machine, all together."""

    cpu: Annotated[str | None, _GROUP] = None
    """Cores for tasks with @resources (default: those of the machine or its cgroup)."""
    memory: Annotated[str | None, _GROUP] = None
    """Memory for tasks with @resources, such as 32G (default: that of the machine or its cgroup)."""
    gpu: Annotated[str | None, _GROUP] = None
    """GPUs for tasks with @resources (default: those that NVIDIA's driver lists)."""
    enforce_memory: Annotated[bool | None, _GROUP] = None
    """Stop a task that takes more memory than its @resources asks for; its attempt fails."""

    def enforces_memory(self, profile: Profile) -> bool:
        """Whether a task may take only the memory that it asks for; MftctlError (exit code 2) where that is unknown."""
        setting = profile.setting("enforce_memory", self.enforce_memory)
        if setting.value and sys.platform != "linux":
            raise UsageError(
                f"{setting.source}: memory of tasks can be watched on Linux only", hint="leave it out"
            )
        return bool(setting.value)


def machine_of(profile: Profile, options: MachineOptions) -> tuple[Resources, tuple[str, ...]]:
    """What the machine has, and the names of its GPUs; MftctlError (exit code 2) for a value that is none."""
    cpu, memory, gpu = (
        profile.setting(name, given)
        for name, given in (("cpu", options.cpu), ("memory", options.memory), ("gpu", options.gpu))
    )
    cores = (
        float(machine.cores()) if cpu.value is None else _number(cpu.value, str(cpu.source), "write it as 8")
    )
    size = (
        machine.memory() // 1024**2 if memory.value is None else _megabytes(memory.value, str(memory.source))
    )
    if gpu.value == "0":
        return Resources(cores, size), ()
    found = machine.gpus()
    if gpu.value is None:
        return Resources(cores, size, len(found)), found
    count = _count(gpu.value, str(gpu.source))
    if 0 < len(found) < count:
        raise UsageError(
            f"{gpu.source}: '{gpu.value}' is more than the GPUs that this worker may use: {', '.join(found)}",
            hint="leave it out for all of them; CUDA_VISIBLE_DEVICES says which they are",
        )
    # Of GPUs that nobody lists, the first numbers.
    return Resources(cores, size, count), found[:count] or tuple(map(str, range(count)))


def check_size(name: str, value: str) -> None:
    """MftctlError (exit code 2) where a value of ``cpu``, ``memory`` or ``gpu`` is none."""
    if name == "memory":
        _megabytes(value, name)
    elif name == "gpu":
        _count(value, name)
    else:
        _number(value, name, "write it as 8")


def _count(text: str, what: str) -> int:
    number = 0.0 if text == "0" else _number(text, what, "write it as 1, or 0 for none")
    if number != int(number):
        raise UsageError(f"{what}: '{text}' is not a whole number", hint="write it as 1, or 0 for none")
    return int(number)


def _number(text: str, what: str, hint: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise UsageError(f"{what}: '{text}' is not a positive number", hint=hint)
    return number


def _megabytes(text: str, what: str) -> int:
    found = _SIZE.fullmatch(str(text).strip().lower())
    size = int(float(found[1]) * _MEGABYTES[found[2]]) if found else 0
    if size < 1:
        raise UsageError(
            f"{what}: '{text}' is not an amount of memory", hint="write it as 32G, 512M, or 4096 (megabytes)"
        )
    return size
