"""`mftctl deploy`: register a flow with a Temporal server."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..control.tokens import TokenRequest
from ..interpreter.inside.compile.contents import Contents
from ..model.manifest import Manifest
from ..model.options import Options
from ..profiles import Profile, cache_dir
from . import packaged
from .deploying import Deployment, Notification, Ownership, Scheduling, file_argument
from .options import Limited, Output
from .output import Result, say

#: How many of the next runs of a schedule are told.
NEXT_TIMES = 3


def deploy(
    flow: str,
    /,
    *,
    worker_file: Annotated[str | None, Parameter(name="--output")] = None,
    list_package: Annotated[bool, Parameter(negative="")] = False,
    deployment: Deployment = Deployment(),  # noqa: B008 - frozen, and how cyclopts wants it
    scheduling: Scheduling = Scheduling(),  # noqa: B008
    notification: Notification = Notification(),  # noqa: B008
    connection: Limited = Limited(),  # noqa: B008
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
    list_package
        List the files in the code package.
    """
    profile = connection.settings()
    file, python = file_argument(flow), deployment.interpreter(profile)
    options = deployment.options(profile, scheduling, notification)
    request = ownership.token_request(options)
    manifest, contents, previous, due = connection.run(
        _deploy(file, options, python, request, connection, profile)
    )
    if worker_file is not None:
        from .workerfile import write

        write(Path(worker_file), manifest.deployment, connection, profile.name)
    return _result(manifest, contents, previous, due, worker_file, list_package)


async def _deploy(
    file: Path, options: Options, python: str, request: TokenRequest, connection: Limited, profile: Profile
) -> tuple[Manifest, Contents, Manifest | None, list[str]]:
    from ..control.deployments import next_times
    from ..events.registration import deploy as register
    from ..interpreter.compilation import Compilation
    from .session import open_client

    # Before the compiler saves anything: no half-made deployment when no server answers.
    client = await open_client(connection, profile)
    say(f"compiling {file}")
    with Compilation(file, options, python, cache_dir()) as compiling:
        manifest = await compiling.manifest()
    manifest, previous = await register(client, manifest, request)
    due = [] if manifest.schedule is None else await next_times(client, manifest.deployment)
    return manifest, compiling.contents, previous, [one.isoformat() for one in due[:NEXT_TIMES]]


def _result(
    manifest: Manifest,
    contents: Contents,
    previous: Manifest | None,
    due: list[str],
    worker_file: str | None,
    list_package: bool,
) -> Result:
    from ..control.changes import changes

    before = None if previous is None else previous.version
    found = [] if previous is None else changes(previous, manifest)
    data = {
        "deployment": manifest.deployment,
        "version": manifest.version,
        "flow": manifest.flow,
        "task_queue": manifest.task_queue,
        "schedule": None if manifest.schedule is None else asdict(manifest.schedule),
        "next_runs": due,
        "triggers": [asdict(one) for one in manifest.triggers],
        "changes": [change.to_plain() for change in found],
        "previous_version": before,
        "production_token": manifest.token,
        "package": packaged.data(contents, listed=list_package),
    }
    lines = [
        f"deployment\t{manifest.deployment}",
        f"version\t{manifest.version}" + ("" if before in {None, manifest.version} else f" (was {before})"),
        f"task queue\t{manifest.task_queue}",
    ]
    if manifest.schedule is not None:
        zone = manifest.schedule.timezone or "UTC"
        lines.append(f"schedule\t{manifest.schedule.cron} ({zone})")
        lines.append(f"next runs\t{', '.join(due) or 'none'}")
    if manifest.triggers:
        lines.append(f"triggers\t{' and '.join(one.name for one in manifest.triggers)}")
    if previous is None:
        lines.append("changes\tnew deployment")
    lines += [f"changes\t{change.text}" for change in found] or (
        [] if previous is None else ["changes\tnone"]
    )
    if worker_file is not None:
        lines.append(f"worker file\t{worker_file}")
    lines += [packaged.line(contents), *(packaged.listing(contents) if list_package else ())]
    notes = (
        f"serve it: mftctl worker {manifest.deployment}",
        f"start a run: mftctl trigger {manifest.deployment}",
        *token_notes(manifest, previous),
        *packaged.warnings(contents),
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
