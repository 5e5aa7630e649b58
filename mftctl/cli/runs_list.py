"""`mftctl runs list`."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from ..model.errors import Exit, MftctlError
from .options import LIST, Limited, Output
from .output import Result
from .text import format_duration

if TYPE_CHECKING:
    from datetime import datetime

    from ..control.runs.run import Run


Status = Literal["running", "paused", "stuck", "completed", "failed", "cancelled", "terminated", "timed_out"]


def list_(
    *,
    deployment: str | None = None,
    status: Annotated[tuple[Status, ...], LIST] = (),
    since: str | None = None,
    tag: Annotated[tuple[str, ...], LIST] = (),
    limit: int = 20,
    connection: Limited = Limited(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """List runs: those that go on first, the newest on top, then those that ended, the last to end on top.

    Parameters
    ----------
    deployment
        Only runs of this deployment.
    status
        Only runs of this status; may be repeated. Paused and stuck runs are running ones, too.
    since
        Only runs that were started since: how long ago, such as 2h or 7d, or a time.
    tag
        Only runs with this tag; may be repeated, and then they have all of them.
    limit
        Show this many at most (default: 20).
    """
    from .text import parse_time

    if limit < 1:
        raise MftctlError("--limit: at least 1 is needed", exit=Exit.USAGE, code="usage")
    started = None if since is None else parse_time(since, "--since")
    return connection.run(_list(deployment, status, started, tag, limit, connection))


async def _list(
    deployment: str | None,
    statuses: tuple[str, ...],
    since: "datetime | None",
    tags: tuple[str, ...],
    limit: int,
    connection: Limited,
) -> Result:
    from ..control.runs import lookup, stuck
    from .looking import find_deployment
    from .session import open_client

    client = await open_client(connection, connection.settings())
    named = None if deployment is None else await find_deployment(client, deployment)
    name, flow = named or (None, None)
    # Which of the runs that go on are stuck is known of none before each was looked at.
    most = lookup.PAGE if "stuck" in statuses else limit + 1
    bounds: list[int] = []
    listed = await lookup.list_runs(
        client,
        flow=flow,
        deployment=name,
        statuses=statuses,
        tags=tags,
        since=since,
        limit=most,
        on_bound=bounds.append,
    )
    if not listed and named is not None and flow is None:
        raise MftctlError(
            f"there is no deployment '{name}', and no run of it",
            exit=Exit.NOT_FOUND,
            code="deployment.unknown",
        )
    listed = await stuck.mark_stuck(client, listed)
    if statuses and "running" not in statuses:  # what may be stuck was taken for it
        listed = [run for run in listed if run.status in statuses]
    more: tuple[str, ...] = ()
    if len(listed) > limit:
        more = (f"there are more; --limit {limit * 5} shows them",)
    more += tuple(
        f"only the first {read} runs were looked through; --since looks at fewer" for read in bounds
    )
    return _result(listed[:limit], more)


def _result(listed: "list[Run]", notes: tuple[str, ...]) -> Result:
    from ..control.runs.stuck import HINT
    from .text import columns, local_time

    names = [run.run_id for run in listed]
    if not listed:
        return Result([], "", names, ("there are no such runs", *notes))
    head = ("RUN", "DEPLOYMENT", "STATUS", "STARTED", "TIME", "TASKS", "FAILED IN")
    lines = [
        (
            run.run_id,
            run.deployment,
            run.status,
            local_time(run.started),
            format_duration(run.seconds),
            "" if run.done is None else f"{run.done}/{run.known}",
            run.failed_step or "",
        )
        for run in listed
    ]
    notes += tuple(f"run {run.run_id} is stuck: {run.problem}; {HINT}" for run in listed if run.problem)
    return Result([row(run) for run in listed], columns([head, *lines]), names, notes)


def row(run: "Run") -> dict[str, Any]:
    """A run as JSON values."""
    from .text import exact

    return {
        "run_id": run.run_id,
        "flow": run.flow,
        "deployment": run.deployment,
        "version": run.version,
        "owner": run.owner,
        "status": run.status,
        "started": exact(run.started),
        "ended": exact(run.ended),
        "seconds": round(run.seconds, 3),
        "tasks": None if run.done is None else {"done": run.done, "known": run.known},
        "failed_step": run.failed_step,
        "problem": run.problem,
        "tags": list(run.tags),
    }
