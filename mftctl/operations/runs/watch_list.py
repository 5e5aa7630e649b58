"""`mftctl runs list --watch`: the list, drawn anew in place until Ctrl-C."""

from __future__ import annotations

import sys
from typing import NoReturn

from ...console.output import Format
from ...console.text import can_draw
from ...model.errors import UsageError
from ..command_options import Connection
from ..open_client import open_client
from .list_runs import RunFilter, read_list
from .redraw import redraw


async def watch_list(connection: Connection, wanted: RunFilter, format_: Format, *, quiet: bool) -> NoReturn:
    """Draw the list of these runs again and again; exit code 2 where it cannot be drawn."""
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
    client = await open_client(connection, connection.settings())
    await redraw(lambda: read_list(client, wanted), quiet=quiet)
