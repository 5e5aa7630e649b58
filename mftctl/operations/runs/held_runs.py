"""The open runs that do not go on, for `mftctl doctor`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from temporalio.client import Client
from temporalio.service import RPCError

from ...control.runs import lookup, stuck
from ...control.runs.run import Run
from ...results.doctor_results import HeldRun
from ..command_options import Connection
from ..open_client import open_client
from .delays_text import hint, sentence

#: Open runs that are looked at: the newest.
MAX_RUNS = 100
#: Seconds for all of it.
LIMIT = 20.0


def find_held_runs(connection: Connection) -> tuple[tuple[HeldRun, ...] | None, tuple[str, ...]]:
    """Those of the newest open runs that are stuck, wait for a worker, or try a task again and again.

    None, and a note with the reason, where the server does not tell it.
    """

    async def find() -> tuple[HeldRun, ...]:
        async with asyncio.timeout(LIMIT):
            return await held_runs(await open_client(connection, connection.settings()))

    try:
        return asyncio.run(find()), ()
    except RPCError as error:
        reason = error.message
    except TimeoutError:
        reason = f"not done after {LIMIT:g} s"
    return None, (f"open runs could not be read: {reason}",)


async def held_runs(client: Client) -> tuple[HeldRun, ...]:
    """The same, of a server."""
    runs = await lookup.list_runs(client, statuses=("running", "paused"), limit=MAX_RUNS)
    return tuple(held for run in await stuck.mark_stuck(client, runs) for held in _held(run))


def _held(run: Run) -> Iterable[HeldRun]:
    if run.problem is not None:
        yield HeldRun(run_id=run.run_id, reason="stuck", message=f"stuck: {run.problem}", hint=stuck.HINT)
    for one in run.delays:
        yield HeldRun(run_id=run.run_id, reason=one.reason, message=sentence(one), hint=hint(one))
