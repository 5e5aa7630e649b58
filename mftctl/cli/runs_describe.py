"""`mftctl runs describe`: where a run is, how each step went, and what went wrong."""

import asyncio
from typing import TYPE_CHECKING

from .options import Latest, Limited, Output
from .output import Result

if TYPE_CHECKING:
    from temporalio.client import Client

    from ..control.runs.history import RunHistory


def describe(
    run: str,
    /,
    *,
    latest: Latest = Latest(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Limited = Limited(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Show a run: its parameters, each step with counts and time, what failed, what is tried again and when.

    Parameters
    ----------
    run
        The run: its id, the beginning of it, or @latest.
    """
    return connection.run(_describe(run, latest, connection))


async def _describe(run: str, latest: Latest, connection: Limited) -> Result:
    from ..control.runs import outcome, stuck
    from ..control.runs.history import RunHistory
    from ..control.runs.lookup import workflow_handle
    from .looking import open_run, unserved
    from .run_data import as_data, ui_link
    from .run_text import as_text

    client, found = await open_run(run, latest, connection)
    (found,) = await stuck.mark_stuck(client, [found])
    history = RunHistory(client, found)
    over = found.ended is not None
    ended, served = await asyncio.gather(
        outcome.wait_for_outcome(workflow_handle(client, found.run_id)) if over else _nothing(),
        _served(client, history, over),
    )
    data = as_data(found, history, ended, served, ui_link(client, found, connection.settings()))
    notes: tuple[str, ...] = ()
    if served is False:
        notes = (unserved(found.deployment),)
    return Result(data, as_text(found, history, data), found.run_id, notes)


async def _nothing() -> None:
    return None


async def _served(client: "Client", history: "RunHistory", over: bool) -> bool | None:
    """Read the history; whether a worker serves the run, None for one that is over."""
    from ..control.pollers import has_worker

    record = await history.read()
    return None if over else await has_worker(client, record.manifest.task_queue)
