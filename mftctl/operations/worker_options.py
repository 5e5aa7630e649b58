"""How a worker runs: its options on the command line, and the settings in force."""

from dataclasses import dataclass, field, replace

from cyclopts import Parameter

from .. import profiles
from ..console.output import LogFormat
from ..console.text import parse_duration
from ..model.errors import UsageError
from ..profiles import Profile, cache_dir
from ..worker.freshness import MAX_AGE
from ..worker.machine import cores
from ..worker.worker_settings import Settings
from .command_options import HostMaxAge, Isolation, flow_interpreter
from .machine_options import MachineOptions, machine_of


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """Options of `mftctl worker` beside what it serves."""

    concurrency: int | None = None
    """Run this many tasks at once (default: the number of cores)."""
    isolation: Isolation = None
    host_max_age: HostMaxAge = None
    metrics: str | None = None
    """Serve Prometheus metrics and probes over HTTP at HOST:PORT or :PORT: /metrics, /healthz, /readyz."""
    log_format: LogFormat | None = None
    """Write the log as text (default), or as json: one object for each line."""
    resources: MachineOptions = field(default_factory=MachineOptions)

    def settings(self, profile: Profile) -> Settings:
        """The settings in force."""
        settings = worker_settings(profile, self.concurrency, self.isolation, self.host_max_age)
        machine, gpus = machine_of(profile, self.resources)
        enforces = self.resources.enforces_memory(profile)
        return replace(settings, machine=machine, gpus=gpus, enforce_memory=enforces)


def worker_settings(
    profile: Profile, concurrency: int | None, isolation: str | None, host_max_age: str | None
) -> Settings:
    """Settings of a worker: of options, else variables, else the profile, else defaults."""
    slots = profile.get("concurrency", concurrency)
    mode = profile.get("isolation", isolation) or "fork"
    if slots is not None and slots < 1:
        raise UsageError(f"--concurrency: '{slots}' is not positive", hint="leave it out for one per core")
    if mode not in profiles.KEYS["isolation"].choices:
        raise UsageError(f"isolation: '{mode}' is not fork or spawn", hint="leave it out for fork")
    age = profile.setting("host_max_age", host_max_age)
    max_age = MAX_AGE if age.value is None else parse_duration(age.value, str(age.source))
    return Settings(cache_dir(), slots or cores(), mode, flow_interpreter(profile), host_max_age=max_age)
