"""`mftctl runs list`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from temporalio.client import Client

from ...console.output import Result
from ...console.text import columns, exact, format_duration, local_time
from ...control.runs import lookup, stuck
from ...control.runs.run import Run
from ...model.errors import NotFoundError, UsageError
from ...model.statuses import Status
from ...results.run_results import RunRow, TaskCounts
from ..command_options import Connection
from ..open_client import open_client
from ..selection import find_deployment
from . import delays_text

_HEADINGS = ("RUN", "DEPLOYMENT", "STATUS", "STARTED", "TIME", "TASKS", "FAILED IN")


@dataclass(frozen=True)
class RunFilter:
    """Which runs to list: those that match all of this, at most ``limit``. Exit code 2 for a bad limit."""

    deployment: str | None
    statuses: tuple[Status, ...]
    since: datetime | None
    tags: tuple[str, ...]
    limit: int

    def __post_init__(self) -> None:
        """Check the limit."""
        if self.limit < 1:
            raise UsageError(f"--limit: '{self.limit}' is not positive")


async def list_runs(connection: Connection, wanted: RunFilter) -> Result[list[RunRow]]:
    """List these runs; exit code 4 for an unknown deployment."""
    return await read_list(await open_client(connection, connection.settings()), wanted)


async def read_list(client: Client, wanted: RunFilter) -> Result[list[RunRow]]:
    """The same, of a server."""
    statuses, limit = wanted.statuses, wanted.limit
    # Whether a run is stuck is only known once it was described, so all running ones must be.
    most = lookup.MAX_READ if "stuck" in statuses else limit + 1
    bounds: list[int] = []
    runs = await find_runs(
        client,
        wanted.deployment,
        statuses=statuses,
        tags=wanted.tags,
        since=wanted.since,
        limit=most,
        on_bound=bounds.append,
    )
    runs = await stuck.mark_stuck(client, runs)
    if statuses and "running" not in statuses:  # candidates that turned out not to be stuck
        runs = [run for run in runs if run.status in statuses]
    notes: tuple[str, ...] = ()
    if len(runs) > limit:
        notes = (f"there are more runs; show them with --limit {limit * 5}",)
    notes += tuple(f"only the first {read} runs were searched; search fewer with --since" for read in bounds)
    return listing(runs[:limit], notes)


async def find_runs(client: Client, deployment: str | None, **more: Any) -> list[Run]:
    """Runs of a deployment, or of all, that ``lookup.list_runs`` chooses; exit code 4 for an unknown deployment."""
    name, flow = (None, None) if deployment is None else await find_deployment(client, deployment)
    runs = await lookup.list_runs(client, flow=flow, deployment=name, **more)
    if not runs and flow and not await lookup.list_runs(client, flow=flow, deployment=name, limit=1):
        # Another flow may have had the deployment's name before.
        runs = await lookup.list_runs(client, deployment=name, **more)
    if not (runs or name is None or flow or await lookup.list_runs(client, deployment=name, limit=1)):
        raise NotFoundError(f"there is no deployment '{name}', and no run of it", code="deployment.unknown")
    return runs


def listing(runs: list[Run], notes: tuple[str, ...]) -> Result[list[RunRow]]:
    """The result for these runs."""
    names = [run.run_id for run in runs]
    if not runs:
        return Result([], "", names, ("no runs found", *notes))
    waits = any(run.delays for run in runs)
    head = (*_HEADINGS, "WAITS FOR") if waits else _HEADINGS
    lines = [
        (
            run.run_id,
            run.deployment,
            run.status,
            local_time(run.started),
            format_duration(run.seconds),
            "" if run.done is None else f"{run.done}/{run.known}",
            run.failed_step or "",
            *((delays_text.cell(run.delays),) if waits else ()),
        )
        for run in runs
    ]
    notes += tuple(f"run {run.run_id} is stuck: {run.problem}; {stuck.HINT}" for run in runs if run.problem)
    notes += delays_text.notes(runs)
    return Result([row(run) for run in runs], columns([head, *lines]), names, notes)


def row(run: Run) -> RunRow:
    """The run as one row of a list."""
    tasks = None
    if run.done is not None and run.known is not None:
        tasks = TaskCounts(done=run.done, known=run.known)
    return RunRow(
        run_id=run.run_id,
        flow=run.flow,
        deployment=run.deployment,
        version=run.version,
        owner=run.owner,
        status=cast("Status", run.status),
        started=exact(run.started),
        ended=exact(run.ended),
        seconds=round(run.seconds, 3),
        tasks=tasks,
        failed_step=run.failed_step,
        problem=run.problem,
        delays=delays_text.delays_of(run),
        tags=run.tags,
    )
