"""How a worker runs: its options on the command line, and the settings in force."""

import os
from dataclasses import dataclass, field, replace

from cyclopts import Parameter

from .. import profiles
from ..console.output import LogFormat
from ..console.text import parse_duration
from ..model.errors import UsageError
from ..model.worker_version import WorkerVersion
from ..profiles import Profile, cache_dir
from ..worker.freshness import MAX_AGE
from ..worker.machine import cores
from ..worker.worker_settings import Settings
from .command_options import HostMaxAge, Isolation, flow_interpreter
from .machine_options import MachineOptions, machine_of

#: Variables of a worker that Temporal's worker controller for Kubernetes has started: name and build id.
CONTROLLER = ("TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID")


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
    deployment_version: str | None = None
    """Serve as this version of Temporal's worker versioning, BUILD or NAME:BUILD; runs stay on their version."""
    resources: MachineOptions = field(default_factory=MachineOptions)

    def settings(self, profile: Profile) -> Settings:
        """The settings in force."""
        settings = worker_settings(profile, self.concurrency, self.isolation, self.host_max_age)
        machine, gpus = machine_of(profile, self.resources)
        enforces = self.resources.enforces_memory(profile)
        version = _version(profile, self.deployment_version)
        return replace(settings, machine=machine, gpus=gpus, enforce_memory=enforces, version=version)


def version_of(text: str, what: str) -> WorkerVersion:
    """The version of workers that ``text`` names; MftctlError with exit code 2 if it is none."""
    try:
        return WorkerVersion.parse(text)
    except ValueError as error:
        raise UsageError(
            f"{what}: {error}", hint="write it as BUILD or NAME:BUILD, such as mftctl:v2"
        ) from error


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


def _version(profile: Profile, given: str | None) -> WorkerVersion | None:
    """The version in force: of the flag, variable or profile, else what Temporal's controller for Kubernetes sets."""
    setting = profile.setting("deployment_version", given)
    if setting.value is not None:
        return version_of(setting.value, str(setting.source))
    name, build = (os.environ.get(one, "") for one in CONTROLLER)
    return version_of(f"{name}:{build}", " and ".join(CONTROLLER)) if name and build else None
