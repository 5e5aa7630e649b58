"""What the commands of versions of workers do: list, promote, drain."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.service import RPCError

from ..console.output import Result, say
from ..console.text import exact
from ..control import version_drain, worker_versioning
from ..control.connection.connect import may_pass
from ..control.worker_versioning import VersionState
from ..model.errors import UsageError
from ..model.worker_version import WorkerVersion
from ..results import worker_results
from .command_options import Connection
from .open_client import open_client
from .worker_options import version_of


async def start_note(client: Client, version: WorkerVersion) -> str | None:
    """What a worker of this version says at its start; None while the server is away.

    MftctlError where the server has no worker versioning.
    """
    try:
        status = await worker_versioning.status_of(client, version)
    except RPCError as error:
        if not may_pass(error):
            raise
        return None
    if status in {"current", "ramping"}:
        return f"version {version} takes {'a share of ' if status == 'ramping' else ''}new runs"
    return f"version {version} takes no new run until it is promoted: mftctl workers promote {version}"


async def list_(connection: Connection) -> Result[list[worker_results.Version]]:
    """The versions of workers that the server knows."""
    client = await open_client(connection, connection.settings())
    rows = [_row(one) for one in await worker_versioning.list_versions(client)]
    notes = (
        () if rows else ("no worker has a version; start one with: mftctl worker --deployment-version BUILD",)
    )
    return Result(rows, worker_results.versions_table(rows), [one.version for one in rows], notes)


async def promote(text: str, connection: Connection) -> Result[worker_results.Version]:
    """Let a version take all new runs."""
    version = version_of(text, "VERSION")
    client = await open_client(connection, connection.settings())
    await worker_versioning.promote(client, version)
    row = _row(await worker_versioning.read_version(client, version))
    return Result(row, f"version {version} takes new runs", row.version)


async def drain(
    name: str, successor: str | None, wait: bool, connection: Connection
) -> Result[worker_results.Version]:
    """Let a version take no new run, and wait until it has none left."""
    version = version_of(name, "VERSION")
    to = None if successor is None else version_of(successor, "--to")
    if to is not None and (to == version or to.name != version.name):
        raise UsageError(f"--to: '{to}' is not another version of {version.name}")
    client = await open_client(connection, connection.settings())
    if to is None:
        await version_drain.check_inactive(client, version)
    else:
        await worker_versioning.known(client, version)
        await worker_versioning.promote(client, to)
        say(f"version {to} takes new runs")
    while True:
        if wait:
            async for runs in version_drain.drained(client, version, say):
                if runs:
                    say(_left(version, runs))
        row = _row(await worker_versioning.read_version(client, version))
        if not (wait and row.runs):  # a run that was not known yet
            break
    # Without the wait it is one count, and runs may still begin where the promotion is not known yet.
    done = wait and not row.runs
    text = f"version {version} has no run left: stop its workers" if done else _left(version, row.runs)
    return Result(row, text, row.version)


def _row(found: VersionState) -> worker_results.Version:
    return worker_results.Version(
        version=str(found.version), status=found.status, runs=found.runs, changed=exact(found.changed)
    )


def _left(version: WorkerVersion, runs: int) -> str:
    return f"{runs} run{'' if runs == 1 else 's'} left on version {version}"
