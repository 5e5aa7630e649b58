"""Draws what a command lists anew in place, until Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, NoReturn

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text
from temporalio.service import RPCError

from ...console.output import Result
from ...console.process import collect_garbage

#: Seconds between two reads.
INTERVAL = 2.0


async def redraw(read: Callable[[], Awaitable[Result[Any]]], *, quiet: bool) -> NoReturn:
    """Draw the text of what ``read`` returns, every INTERVAL seconds; ``quiet``: without its notes."""
    collect_garbage()
    found, problem = await read(), ""
    with Live(console=Console(highlight=False), auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.update(_frame(found, problem, quiet=quiet), refresh=True)
            await asyncio.sleep(INTERVAL)
            try:
                found, problem = await read(), ""
            except RPCError as error:
                problem = f"the Temporal server does not answer, retrying: {error.message}"


def _frame(found: Result[Any], problem: str, *, quiet: bool) -> RenderableType:
    """The list under the time of day; a line that is too long for the terminal is cut."""
    lines = [Text(f"{datetime.now():%H:%M:%S}", "dim")]  # noqa: DTZ005 - local time, as in the list
    # Above the list, whose end may not fit.
    lines += [Text(problem, "red")] if problem else []
    lines += [Text(note, "dim") for note in found.notes if not quiet]
    lines += [Text(line) for line in found.text.splitlines()]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*lines)
