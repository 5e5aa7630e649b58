"""Which run the commands that look at runs mean, and who may steer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.errors import Exit, MftctlError
from .output import say

if TYPE_CHECKING:
    from temporalio.client import Client

    from ..control.deployments import Deployment
    from ..control.runs.run import Run
    from .options import Connection, Latest


async def open_run(run: str, latest: Latest, connection: Connection) -> tuple[Client, Run]:
    """A connection for commands that hold much of a run, and the run that is meant."""
    from .process import collect_garbage
    from .session import open_client

    collect_garbage()
    client = await open_client(connection, connection.settings())
    return client, await find_run(client, run, latest.deployment)


async def find_run(client: Client, name: str, deployment: str | None = None) -> Run:
    """The run that is meant by its id, a beginning of it, or ``@latest``, of a deployment perhaps."""
    from ..control.runs import lookup as found

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
    """The whole name of a deployment, and its flow; the name as it is, and None, of one that is gone or unreadable."""
    from ..control import deployments

    try:
        manifest = await deployments.find_manifest(client, name)
    except MftctlError as error:
        if error.code not in {"deployment.unknown", "deployment.unreadable"}:
            raise
        return name, None
    return manifest.deployment, manifest.flow


async def allowed(client: Client, run: str, latest: Latest, token: tuple[str | None] | None) -> str:
    """The id of the run that is meant; with a ``token``, or None for one, only for those who may steer it."""
    from ..control import tokens
    from ..control.runs import lookup

    found = await find_run(client, run, latest.deployment)
    if token is not None:
        given = await lookup.run_input(client, found)
        tokens.authorize(given.manifest, tokens.username(), *token)
    return found.run_id


async def all_deployments(client: Client) -> list[Deployment]:
    """All deployments, by name, with a warning of each Schedule that is only called like one."""
    from ..control import deployments

    found, unreadable = await deployments.list_all(client)
    for one in unreadable:
        say(one.warning)
    return found


def unserved(deployment: str) -> str:
    """That nobody works off its task queue, the most common trouble, and what to do."""
    return f"no worker serves {deployment}; start one with: mftctl worker {deployment}"
