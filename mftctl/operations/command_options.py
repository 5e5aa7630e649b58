"""Options that many commands share, and their values in force."""

import os
import shutil
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import Group, Parameter

from .. import profiles
from ..console.output import Format, name_server, say
from ..console.text import format_duration, parse_duration
from ..model.errors import Exit, MftctlError, UsageError

profiles.on_temporary_folder(say)

T = TypeVar("T")
FLAG = Parameter(negative="")
_OUTPUT = Group("Output", sort_key=300)
_CONNECTION = Parameter(group=Group("Connection", sort_key=200))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Output:
    """How the result is written."""

    format: Annotated[Format, Parameter(name=["--format", "-o"], group=_OUTPUT)] = "text"
    """text for people, json or jsonl for programs, name for the name alone."""
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", group=_OUTPUT)] = False
    """Print nothing but the result and errors."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Connection:
    """The Temporal server, and the profile for all other settings."""

    address: Annotated[str | None, _CONNECTION] = None
    """Temporal server as HOST:PORT."""
    temporal_namespace: Annotated[str | None, _CONNECTION] = None
    """Namespace on the Temporal server."""
    profile: Annotated[str | None, _CONNECTION] = None
    """Profile in the configuration file."""

    def settings(self) -> profiles.Profile:
        """The profile in force. MftctlError with exit code 2 for an empty flag: it would mean another server."""
        given = {
            "--profile": self.profile,
            "--address": self.address,
            "--temporal-namespace": self.temporal_namespace,
        }
        for flag, value in given.items():
            if value == "":
                raise UsageError(f"{flag} is empty", hint="leave it out, or set the variable that it is from")
        name_server([word for flag, value in given.items() if value for word in (flag, value)])
        return profiles.load(self.profile)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that needs the server."""
        import asyncio  # a tenth of every `--help`, which does without

        return asyncio.run(work)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LimitedConnection(Connection):
    """A connection with a limit for the whole command."""

    timeout: Annotated[str | None, _CONNECTION] = None
    """Give up after this time, such as 90s or 5m (exit code 124)."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that needs the server; MftctlError with exit code 124 when it takes longer than --timeout."""
        return super().run(_within(self.timeout, work))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Unlimited(Output, Connection):
    """The options of a command that takes as long as it takes."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Limited(Output, LimitedConnection):
    """The options of most commands."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Latest:
    """The deployment of ``@latest``."""

    deployment: str | None = None
    """With @latest: the deployment of the run."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RunOptions(Limited, Latest):
    """The options of most commands on a run."""


LIST = Parameter(negative="")
Yes = Annotated[bool, Parameter(name=["--yes", "-y"], negative="", help="Do not ask for confirmation.")]
DeploymentName = Annotated[str, Parameter(help="The deployment, or its last part where that is unambiguous.")]
Authorize = Annotated[
    str | None, Parameter(help="Use this production token, if somebody else deployed the flow.")
]
RunIdFile = Annotated[Path | None, Parameter(help="Write the run id to this file before the run starts.")]
Isolation = Annotated[
    str | None, Parameter(help="Start tasks as forks of a warm process (fork, default) or anew (spawn).")
]
HostMaxAge = Annotated[
    str | None, Parameter(help="Import a flow again when its warm process is this old (default: 1h).")
]


def flow_interpreter(profile: profiles.Profile, given: str | None = None) -> str:
    """The flow's Python: ``given``, MFTCTL_PYTHON, the profile's, the active virtual environment's, or mftctl's own."""
    named = profile.setting("python", given)
    if named.value is not None:
        return _absolute(named.value, named.source)
    active = os.environ.get("VIRTUAL_ENV")
    if active:
        python = os.path.join(active, "bin", "python")
        if os.access(python, os.X_OK):
            return python
    return sys.executable


def _absolute(python: str, source: profiles.Source) -> str:
    found = shutil.which(os.path.expanduser(python))
    if found is None:
        raise UsageError(
            f"no interpreter {python} ({source})", code="python.missing", hint="name another with --python"
        )
    # Not resolved: an interpreter in a virtual environment is a link whose place makes it what it is.
    return os.path.abspath(found)


async def _within(given: str | None, work: Coroutine[Any, Any, T]) -> T:
    import asyncio  # see Connection.run

    try:
        limit = None if given is None else parse_duration(given, "--timeout")
    except MftctlError:
        work.close()
        raise
    try:
        async with asyncio.timeout(limit):
            return await work
    except TimeoutError:
        if limit is None:
            raise
        raise MftctlError(
            f"not done after {format_duration(limit)}", exit=Exit.TIMEOUT, code="timeout"
        ) from None
