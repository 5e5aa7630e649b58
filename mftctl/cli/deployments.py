"""`mftctl deployments …`: what is deployed, who serves it, and what a deploy would change."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..model.errors import Exit, MftctlError
from . import deployed
from .ask import confirm
from .deploying import Deployment, Notification, Scheduling, file_argument
from .looking import all_deployments, unserved
from .options import YES, Limited, Output
from .output import Result, say
from .text import columns

if TYPE_CHECKING:
    from temporalio.client import Client

    from ..control.deployments import Deployment as Deployed
    from ..control.pollers import Poller
    from ..model.manifest import Manifest


def list_(
    *,
    flow: str | None = None,
    connection: Limited = Limited(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """List the deployments: version, schedule, who serves them, and who deployed them when.

    Parameters
    ----------
    flow
        Only those of this flow.
    """

    async def listed() -> "list[tuple[Deployed, list[Poller]]]":
        from .session import open_client

        client = await open_client(connection, connection.settings())
        found = [one for one in await all_deployments(client) if flow in {None, one.manifest.flow}]
        return list(zip(found, await _workers(client, found), strict=True))

    rows = connection.run(listed())
    notes = tuple(unserved(one.name) for one, workers in rows if not workers)
    if not rows:
        notes = ("there are no deployments" + (f" of {flow}" if flow else ""),)
    text = columns([deployed.HEAD, *(deployed.line(*row) for row in rows)]) if rows else ""
    return Result([deployed.plain(*row) for row in rows], text, [one.name for one, _ in rows], notes)


def describe(
    name: str,
    /,
    *,
    connection: Limited = Limited(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Show all about a deployment, and which workers poll its task queue right now.

    Parameters
    ----------
    name
        The deployment, or its last part where that is unambiguous.
    """

    async def looked_up() -> "tuple[Deployed, list[Poller]]":
        from ..control import deployments
        from ..control import pollers as workers
        from .session import open_client

        client = await open_client(connection, connection.settings())
        found = await deployments.find(client, name)
        return found, await workers.list_pollers(client, found.manifest.task_queue)

    found, workers = connection.run(looked_up())
    notes = () if workers else (unserved(found.name),)
    return Result(
        {**deployed.plain(found, workers), **deployed.more(found)},
        deployed.page(found, workers),
        found.name,
        notes,
    )


def delete(
    name: str,
    /,
    *,
    yes: Annotated[bool, YES] = False,
    authorize: str | None = None,
    connection: Limited = Limited(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Delete a deployment with its schedule; runs that have begun go on.

    So is a Schedule made by hand under a deployment's name.

    Parameters
    ----------
    name
        The deployment, or its last part where that is unambiguous.
    yes
        Do not ask.
    authorize
        The production token, where somebody else has deployed it.
    """

    async def deleted() -> str:
        from ..control import deployments, tokens
        from ..control.unreadable import UnreadableDeployment
        from ..events import registration
        from .session import open_client

        client = await open_client(connection, connection.settings())
        found = await deployments.find_any(client, name)
        if isinstance(found, UnreadableDeployment):
            if found.foreign:
                question = f"The Schedule of {found.name} {found.reason}. Delete it?"
                await asyncio.to_thread(confirm, question, yes=yes)
            await deployments.delete_unreadable(client, found)
            return found.name
        manifest = found.manifest
        tokens.authorize(manifest, tokens.username(), authorize)
        await asyncio.to_thread(confirm, f"Delete the deployment {manifest.deployment}?", yes=yes)
        await registration.delete(client, manifest, tokens.username(), authorize)
        return manifest.deployment

    gone = connection.run(deleted())
    return Result({"deployment": gone}, "", gone, (f"{gone} is deleted; runs that have begun go on",))


def diff(
    name: str,
    flow: str | None = None,
    /,
    *,
    deployment: Deployment = Deployment(),  # noqa: B008 - frozen, and how cyclopts wants it
    scheduling: Scheduling = Scheduling(),  # noqa: B008
    notification: Notification = Notification(),  # noqa: B008
    connection: Limited = Limited(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Say what a deploy of the flow's file as it is now, with the same options, would change; nothing is registered.

    The branch is that of the deployment unless another is named.

    Parameters
    ----------
    name
        The deployment, or its last part where that is unambiguous.
    flow
        The flow's file (default: the file of that name in the current folder).
    """
    profile = connection.settings()
    options = deployment.options(profile, scheduling, notification)
    python = deployment.interpreter(profile)

    async def compared() -> "tuple[Manifest, Manifest]":
        from ..control import deployments, tokens
        from ..interpreter.compilation import compile_flow
        from ..profiles import cache_dir
        from .session import open_client

        client = await open_client(connection, profile)
        there = await deployments.find_manifest(client, name)
        file, asked = _file_of(there, flow), options
        if there.project and not deployment.names_branch:
            kind, _, branch = (there.branch or "").partition(".")
            asked = replace(
                asked, branch=branch or None if kind != "user" else None, production=kind == "prod"
            )
        elif not there.project and there.deployment != there.flow:
            asked = replace(asked, name=options.name or there.deployment)
        say(f"compiling {file}")
        new = await compile_flow(file, asked, python, cache_dir())
        if new.deployment != there.deployment:
            raise MftctlError(
                f"{file} would be deployed as {new.deployment}, not as {there.deployment}",
                exit=Exit.CONFLICT,
                code="deployment.mismatch",
                hint="name the flow's file, and its --branch or --name",
            )
        # Whoever may not deploy may look: nothing is changed.
        return there, tokens.assign_token(there, new, tokens.TokenRequest(authorize=there.token))

    before, after = connection.run(compared())
    from ..control.changes import changes

    found = changes(before, after)
    data = {
        "deployment": before.deployment,
        "version": before.version,
        "new_version": after.version,
        "changes": [change.to_plain() for change in found],
    }
    notes = () if found else (f"a deploy would change nothing about {before.deployment}",)
    return Result(data, "\n".join(change.text for change in found), before.deployment, notes)


async def _workers(client: "Client", found: "list[Deployed]") -> "list[list[Poller]]":
    from ..control.deployments import MAX_REQUESTS
    from ..control.pollers import list_pollers

    limit = asyncio.Semaphore(MAX_REQUESTS)

    async def one(queue: str) -> "list[Poller]":
        async with limit:
            return await list_pollers(client, queue)

    queues = sorted({each.manifest.task_queue for each in found})
    by_queue = dict(zip(queues, await asyncio.gather(*map(one, queues)), strict=True))
    return [by_queue[each.manifest.task_queue] for each in found]


def _file_of(manifest: "Manifest", named: str | None) -> Path:
    if named is None and not Path(manifest.launch.file).is_file():
        raise MftctlError(
            f"{manifest.launch.file}, the file of {manifest.deployment}, is not in this folder",
            exit=Exit.USAGE,
            code="flow.missing",
            hint=f"name it: mftctl deployments diff {manifest.deployment} FLOW.py",
        )
    return file_argument(manifest.launch.file if named is None else named)
