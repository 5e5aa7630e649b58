"""`mftctl runs list --watch`: the list, drawn anew in place until Ctrl-C."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from typing import NoReturn

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text
from temporalio.service import RPCError

from ...console.output import Format, Result
from ...console.process import collect_garbage
from ...console.text import can_draw
from ...model.errors import UsageError
from ...results.run_results import RunRow
from ..command_options import Connection
from ..open_client import open_client
from .list_runs import RunFilter, read_list

#: Seconds between two reads.
INTERVAL = 2.0


async def watch_list(connection: Connection, wanted: RunFilter, format_: Format, *, quiet: bool) -> NoReturn:
    """Draw the list of these runs every INTERVAL seconds; exit code 2 where it cannot be drawn."""
    if format_ != "text":
        raise UsageError(
            f"--watch: a list of format {format_} cannot be redrawn",
            hint="leave one of them out; programs repeat `mftctl runs list -o json`",
        )
    if not can_draw(sys.stdout):
        raise UsageError(
            "--watch: stdout is not a terminal that can redraw lines",
            hint="leave it out, and repeat the command instead",
        )
    collect_garbage()
    client = await open_client(connection, connection.settings())
    found, problem = await read_list(client, wanted), ""
    with Live(console=Console(highlight=False), auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.update(_frame(found, problem, quiet=quiet), refresh=True)
            await asyncio.sleep(INTERVAL)
            try:
                found, problem = await read_list(client, wanted), ""
            except RPCError as error:
                problem = f"the Temporal server does not answer, retrying: {error.message}"


def _frame(found: Result[list[RunRow]], problem: str, *, quiet: bool) -> RenderableType:
    """The list under the time of day; a line that is too long for the terminal is cut."""
    lines = [Text(f"{datetime.now():%H:%M:%S}", "dim")]  # noqa: DTZ005 - local time, as in the list
    lines += [Text(line) for line in found.text.splitlines()]
    lines += [Text(problem, "red")] if problem else []
    lines += [Text(note, "dim") for note in found.notes if not quiet]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*lines)
