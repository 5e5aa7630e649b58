"""`mftctl runs top`: the tasks of open runs, drawn anew in place on a terminal."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from temporalio.client import Client

from ...console.output import Format, Result
from ...console.text import can_draw, columns, exact, format_duration
from ...control.runs.open_tasks import OpenTask, open_tasks
from ...model.errors import UsageError
from ...model.statuses import OPEN
from ...results import run_results
from ..command_options import Connection
from ..open_client import open_client
from .list_runs import find_runs

#: Open runs that are read: the newest.
MAX_RUNS = 100
_HEADINGS = ("RUN", "TASK", "ATTEMPT", "STATE", "TIME", "WORKER OR TASK QUEUE")


async def top(
    connection: Connection, deployment: str | None, limit: int, format_: Format, *, quiet: bool
) -> Result[list[run_results.OpenTask]]:
    """The tasks of a deployment's open runs, or of all; text on a terminal is drawn again and again.

    Exit code 2 for a bad limit, 4 for an unknown deployment.
    """
    if limit < 1:
        raise UsageError(f"--limit: '{limit}' is not positive")
    client = await open_client(connection, connection.settings())
    if format_ != "text" or not can_draw(sys.stdout):
        return await _read(client, deployment, limit)
    from .redraw import redraw  # rich, which only drawing needs

    return await redraw(lambda: _read(client, deployment, limit), quiet=quiet)


async def _read(client: Client, deployment: str | None, limit: int) -> Result[list[run_results.OpenTask]]:
    runs = await find_runs(client, deployment, statuses=(OPEN[0], OPEN[1]), limit=MAX_RUNS + 1)
    found = await open_tasks(client, runs[:MAX_RUNS])
    notes = [] if found else ["no task of an open run is left to run" if runs else "no run is open"]
    if len(runs) > MAX_RUNS:
        notes.append(f"only the newest {MAX_RUNS} open runs were read; show one deployment with --deployment")
    if len(found) > limit:
        notes.append(f"there are {len(found)} tasks; show more with --limit {limit * 5}")
    shown, now = found[:limit], datetime.now(UTC)
    lines = [_HEADINGS, *(_line(one, now) for one in shown)] if shown else []
    names = list(dict.fromkeys(one.run.run_id for one in shown))
    return Result([_row(one) for one in shown], columns(lines) if lines else "", names, tuple(notes))


def _line(one: OpenTask, now: datetime) -> tuple[str, ...]:
    seconds = (now - one.since).total_seconds()
    due = one.state == "retrying" and seconds < 0
    return (
        one.run.run_id,
        f"{one.step}/{one.task_id}",
        str(one.number),
        one.state,
        f"in {format_duration(-seconds)}" if due else format_duration(max(seconds, 0.0)),
        one.worker or one.task_queue,
    )


def _row(one: OpenTask) -> run_results.OpenTask:
    return run_results.OpenTask(
        run_id=one.run.run_id,
        flow=one.run.flow,
        deployment=one.run.deployment,
        step=one.step,
        task=one.task_id,
        state=one.state,
        attempt=one.number,
        since=exact(one.since),
        task_queue=one.task_queue,
        worker=one.worker,
    )
