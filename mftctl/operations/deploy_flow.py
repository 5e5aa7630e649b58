"""What `mftctl deploy` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..console.output import Result, Time, say
from ..control.deployments import next_times
from ..control.manifest_changes import Change as Difference
from ..control.manifest_changes import changes
from ..events import registration
from ..interpreter.compilation import Compilation
from ..model.manifest import Manifest
from ..profiles import cache_dir
from ..results.deployment_results import Deployed
from . import package_listing
from .command_options import Limited
from .deploy_options import AllDeploymentOptions, Ownership, file_argument
from .deployment_operations import changes_of, schedule_of, triggers_of
from .missing_workers import look_for_workers
from .open_client import open_client
from .worker_file import check_path
from .worker_file import write as write_worker_file

#: How many of the next runs of a schedule are shown.
NEXT_TIMES = 3


async def deploy(
    connection: Limited,
    flow: str,
    given: AllDeploymentOptions,
    ownership: Ownership,
    worker_file: str | None,
    *,
    listed: bool,
) -> Result[Deployed]:
    """Deploy a flow; ``worker_file`` is written for it, and ``listed``: the files of its package are shown."""
    if worker_file is not None:
        check_path(Path(worker_file))
    profile = connection.settings()
    file, python = file_argument(flow), given.interpreter(profile)
    options = given.options(profile)
    request = ownership.token_request(options)
    # Before the compiler saves anything: no half-made deployment when no server answers.
    client = await open_client(connection, profile)
    say(f"compiling {file}")
    with Compilation(file, options, python, cache_dir()) as compiling:
        compiled = await compiling.manifest()
    manifest, previous = await registration.deploy(client, compiled, request)
    due = [] if manifest.schedule is None else await next_times(client, manifest.deployment)
    contents = compiling.contents
    if worker_file is not None:
        write_worker_file(Path(worker_file), manifest.deployment, connection, profile.name)
    found = [] if previous is None else changes(previous, manifest)
    deployed = Deployed(
        deployment=manifest.deployment,
        version=manifest.version,
        flow=manifest.flow,
        task_queue=manifest.task_queue,
        schedule=schedule_of(manifest),
        next_runs=tuple(Time(one.isoformat()) for one in due[:NEXT_TIMES]),
        triggers=triggers_of(manifest),
        changes=changes_of(found),
        previous_version=None if previous is None else previous.version,
        production_token=manifest.token,
        package=package_listing.data(contents, listed=listed),
    )
    lines = _lines(deployed, found)
    if worker_file is not None:
        lines.append(f"worker file\t{worker_file}")
    lines += [package_listing.line(contents), *(f"packaged\t{name}" for name in deployed.package.list or ())]
    notes = (
        *(await look_for_workers(client, manifest)).warnings,
        f"start a run: mftctl trigger {manifest.deployment}",
        *token_notes(manifest, previous),
        *package_listing.warnings(contents),
    )
    return Result(deployed, "\n".join(lines), manifest.deployment, notes)


def token_notes(manifest: Manifest, previous: Manifest | None) -> tuple[str, ...]:
    """Notes on the production token: at the first deploy, and where runs are in its namespace, at each."""
    notes = []
    if previous is None:
        notes.append(f"others may deploy it with: --authorize {manifest.token}")
    if (manifest.launch.namespace or "").startswith("production:"):
        notes.append(f"its runs are in the namespace {manifest.launch.namespace}")
    return tuple(notes)


def _lines(deployed: Deployed, found: Sequence[Difference]) -> list[str]:
    before, schedule = deployed.previous_version, deployed.schedule
    lines = [
        f"deployment\t{deployed.deployment}",
        f"version\t{deployed.version}" + ("" if before in {None, deployed.version} else f" (was {before})"),
        f"task queue\t{deployed.task_queue}",
    ]
    if schedule is not None:
        lines.append(f"schedule\t{schedule.cron} ({schedule.timezone or 'UTC'})")
        lines.append(f"next runs\t{', '.join(deployed.next_runs) or 'none'}")
    if deployed.triggers:
        lines.append(f"triggers\t{' and '.join(one.name for one in deployed.triggers)}")
    if before is None:
        lines.append("changes\tnew deployment")
    else:
        lines += [f"changes\t{one.text}" for one in found] or ["changes\tnone"]
    return lines
