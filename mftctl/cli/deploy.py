"""`mftctl deploy`: register a flow with a Temporal server."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..compiler.options import Options
from ..control.tokens import Claim
from ..manifest import Manifest
from ..profiles import Profile, cache_dir
from .options import Connection, Deployment, Output, Ownership, file_argument
from .output import Result, say


def deploy(
    flow: str,
    /,
    *,
    worker_file: Annotated[str | None, Parameter(name="--output")] = None,
    deployment: Deployment = Deployment(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Connection = Connection(),  # noqa: B008
    ownership: Ownership = Ownership(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Compile a flow, save its code in its datastore and register it with a Temporal server.

    Parameters
    ----------
    flow
        The flow's file.
    worker_file
        Also write a small Python file that serves the deployment, or starts a run of it.
    """
    profile = connection.settings()
    file, python = file_argument(flow), deployment.interpreter(profile)
    options = deployment.options(profile)
    claim = ownership.claim(options)
    manifest, previous = asyncio.run(_deploy(file, options, python, claim, connection, profile))
    if worker_file is not None:
        from .workerfile import write

        write(Path(worker_file), manifest.deployment, connection, profile.name)
    return _result(manifest, previous, worker_file)


async def _deploy(
    file: Path, options: Options, python: str, claim: Claim, connection: Connection, profile: Profile
) -> tuple[Manifest, Manifest | None]:
    from ..compiler.run import compile_flow
    from ..control.deployments import deploy as register
    from .session import open_client

    # Before the compiler saves anything: no half-made deployment when no server answers.
    client = await open_client(connection, profile)
    say(f"compiling {file}")
    manifest = await asyncio.to_thread(compile_flow, file, options, python, cache_dir())
    return await register(client, manifest, claim)


def _result(manifest: Manifest, previous: Manifest | None, worker_file: str | None) -> Result:
    from ..control.changes import changes

    before = None if previous is None else previous.version
    found = [] if previous is None else changes(previous, manifest)
    data = {
        "deployment": manifest.deployment,
        "version": manifest.version,
        "flow": manifest.flow,
        "task_queue": manifest.task_queue,
        "changes": [change.to_plain() for change in found],
        "previous_version": before,
        "production_token": manifest.token,
    }
    lines = [
        f"deployment\t{manifest.deployment}",
        f"version\t{manifest.version}" + ("" if before in {None, manifest.version} else f" (was {before})"),
        f"task queue\t{manifest.task_queue}",
    ]
    if previous is None:
        lines.append("changes\tnew deployment")
    lines += [f"changes\t{change.text}" for change in found] or (
        [] if previous is None else ["changes\tnone"]
    )
    if worker_file is not None:
        lines.append(f"worker file\t{worker_file}")
    notes = (
        f"serve it: mftctl worker {manifest.deployment}",
        f"start a run: mftctl trigger {manifest.deployment}",
        *token_notes(manifest, previous),
    )
    return Result(data, "\n".join(lines), manifest.deployment, notes)


def token_notes(manifest: Manifest, previous: Manifest | None) -> tuple[str, ...]:
    """What is to be known of the production token: once, and where runs are in its namespace, each time."""
    notes = []
    if previous is None:
        notes.append(f"others may deploy it with: --authorize {manifest.token}")
    if (manifest.launch.namespace or "").startswith("production:"):
        notes.append(f"its runs are in the namespace {manifest.launch.namespace}")
    return tuple(notes)
