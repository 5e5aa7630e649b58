"""Options that many commands share."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from cyclopts import Group, Parameter

from .. import profiles
from ..model.errors import Exit, MftctlError
from .output import Format, say
from .text import format_duration, parse_duration

profiles.on_temporary_folder(say)

T = TypeVar("T")
FLAG = Parameter(negative="")
YES = Parameter(name=["--yes", "-y"], negative="")
LIST = Parameter(negative="")
DeploymentName = Annotated[str, Parameter(help="The deployment, or its last part where that is unambiguous.")]
Authorize = Annotated[
    str | None, Parameter(help="The production token, where somebody else has deployed it.")
]


@Parameter(name="*", group=Group("Output", sort_key=300))
@dataclass(frozen=True, kw_only=True)
class Output:
    """How the result is written."""

    format: Annotated[Format, Parameter(name=["--format", "-o"])] = "text"
    """text for people, json or jsonl for programs, name for just the name."""
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False
    """Say nothing but the result and errors."""


@Parameter(name="*", group=Group("Connection", sort_key=200))
@dataclass(frozen=True, kw_only=True)
class Connection:
    """Which Temporal server, and which profile the other settings come from."""

    address: str | None = None
    """Temporal server as HOST:PORT."""
    temporal_namespace: str | None = None
    """Namespace on the Temporal server."""
    profile: str | None = None
    """Profile in the configuration file."""

    def settings(self) -> profiles.Profile:
        """The profile in force."""
        return profiles.load(self.profile)

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do what needs the server."""
        return asyncio.run(doing)


@Parameter(name="*", group=Group("Connection", sort_key=200))
@dataclass(frozen=True, kw_only=True)
class Limited(Connection):
    """A connection whose server has so long to answer."""

    timeout: str | None = None
    """Give up after this time, such as 90s or 5m (exit code 124)."""

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do what needs the server; MftctlError with exit code 124 when it takes longer than --timeout."""
        return asyncio.run(self._within(doing))

    async def _within(self, doing: Coroutine[Any, Any, T]) -> T:
        try:
            limit = None if self.timeout is None else parse_duration(self.timeout, "--timeout")
        except MftctlError:
            doing.close()
            raise
        try:
            async with asyncio.timeout(limit):
                return await doing
        except TimeoutError:
            if limit is None:
                raise
            raise MftctlError(
                f"not done after {format_duration(limit)}", exit=Exit.TIMEOUT, code="timeout"
            ) from None


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Latest:
    """Whose latest run is meant."""

    deployment: str | None = None
    """With @latest: the deployment whose latest run is meant."""
