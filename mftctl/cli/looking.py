"""What the commands that look at runs share: which run is meant, and times for people and programs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import Exit, MftctlError
from . import durations

if TYPE_CHECKING:
    from temporalio.client import Client

    from ..control.found import Found
    from .options import Latest


async def find_run(client: Client, name: str, deployment: str | None = None) -> Found:
    """The run that is meant by its id, a beginning of it, or ``@latest``, of a deployment perhaps."""
    from ..control import found

    if deployment is not None:
        if name != found.LATEST:
            raise MftctlError(
                f"--deployment says whose {found.LATEST} run is meant, and the run is named: {name}",
                exit=Exit.USAGE,
                code="usage",
            )
        deployment, _ = await find_deployment(client, deployment)
    return await found.find(client, name, deployment)


async def find_deployment(client: Client, name: str) -> tuple[str, str | None]:
    """The whole name of a deployment, and its flow; the name as it is, and None, of one that is not there any more."""
    from ..control import deployments

    try:
        manifest = await deployments.find(client, name)
    except MftctlError as error:
        if error.code != "deployment.unknown":
            raise
        return name, None
    return manifest.deployment, manifest.flow


async def allowed(client: Client, run: str, latest: Latest, token: tuple[str | None] | None) -> str:
    """The id of the run that is meant; with a ``token``, or None for one, only for those who may steer it."""
    from ..control import steering, tokens

    found = await find_run(client, run, latest.deployment)
    if token is not None:
        given = await steering.given_to(client, found)
        tokens.authorize(given.manifest, tokens.username(), *token)
    return found.run_id


def moment(text: str, what: str) -> datetime:
    """A time: how long ago, such as 2h, or ISO 8601, local where it names no zone."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        pass
    try:
        return datetime.now(UTC) - timedelta(seconds=durations.parse(text, what))
    except MftctlError as error:
        raise MftctlError(
            f"{what}: '{text}' is no time",
            exit=Exit.USAGE,
            code="usage",
            hint="write how long ago, such as 90s, 2h or 7d, or a time, such as 2026-03-02T10:15",
        ) from error


def iso(at: datetime | float | None) -> str | None:
    """For programs: ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    when = datetime.fromtimestamp(at, UTC) if isinstance(at, (int, float)) else at.astimezone(UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown_time(at: datetime) -> str:
    """For people: local time on a terminal, ISO 8601 elsewhere."""
    if not sys.stdout.isatty():
        return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
