"""`mftctl runs watch`: a run that goes on somewhere, watched to its end."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from . import durations
from .options import Connection, Latest, Output
from .output import Result, event, say

if TYPE_CHECKING:
    from rich.console import RenderableType
    from temporalio.client import Client

    from ..control.found import Found
    from ..control.history import History
    from ..control.record import StepRecord
    from ..control.runs import Ended
    from .live import StepRow

#: Seconds between looks at what the history has told.
LOOK = 0.5
#: Seconds between lines of what has changed: a share of the run's time so far, so that a long run has not too many.
SHARE, RAREST = 0.03, 30.0


def watch(
    run: str,
    /,
    *,
    timeout: str | None = None,
    latest: Latest = Latest(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Connection = Connection(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Watch a run until its end: exit code 0, or 3 when it does not complete. Ctrl-C leaves it alone.

    Parameters
    ----------
    run
        The run: its id, the beginning of it, or @latest.
    timeout
        Give up after this time (exit code 124); the run goes on.
    """
    limit = None if timeout is None else durations.parse(timeout, "--timeout")
    return asyncio.run(_watch(run, limit, latest, connection))


async def _watch(run: str, limit: float | None, latest: Latest, connection: Connection) -> Result:
    from ..control import steering
    from .looking import open_run
    from .trigger import ended, within

    client, found = await open_run(run, latest, connection)
    given = await steering.given_to(client, found)
    how = await within(found.run_id, limit, _to_the_end(client, found))
    return ended(given.manifest, found.run_id, how)


async def _to_the_end(client: Client, found: Found) -> Ended:
    from ..control import runs
    from ..control.found import handle_of
    from ..control.history import History
    from .view import draws

    history = History(client, found)
    ending = asyncio.create_task(runs.outcome(handle_of(client, found.run_id)))
    following = asyncio.create_task(history.follow())
    view = Drawn(found, history) if draws(sys.stdout) and found.ended is None else Told(found, history)
    view.begin()
    try:
        while not ending.done():
            await asyncio.wait([ending], timeout=LOOK)
            if following.done():
                following.result()
            view.look()
    finally:
        view.end()
        for task in (ending, following):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    return ending.result()


class Told:
    """A line whenever something has changed."""

    def __init__(self, found: Found, history: History) -> None:
        self._found = found
        self._history = history
        self._last: dict[str, dict[str, int]] = {}
        self._told = float("-inf")

    def begin(self) -> None:
        """The run is watched from here on."""
        if self._found.ended is None:
            say(f"run {self._found.run_id} is {self._found.status}")

    def look(self) -> None:
        """Tell what has changed."""
        from .trigger import describe

        if not self._history.is_there or self._found.ended is not None:
            return
        now = time.monotonic()
        if now - self._told < min(SHARE * self._found.seconds, RAREST):
            return
        self._told = now
        counts = {name: _plain(step) for name, step in self._history.record.steps().items() if step.known}
        if counts != self._last:
            self._last = counts
            say(describe(counts))
            event({"event": "progress", "run_id": self._found.run_id, "steps": counts})

    def end(self) -> None:
        """It has ended, or is left."""


class Drawn(Told):
    """The steps with counts and bars, as `run` draws them."""

    def __init__(self, found: Found, history: History) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        super().__init__(found, history)
        self._spinner = Spinner("dots")
        self._live = Live(console=Console(highlight=False), get_renderable=self._draw, refresh_per_second=4)

    def begin(self) -> None:
        """Start to draw."""
        self._live.start()

    def look(self) -> None:
        """It draws by itself."""

    def end(self) -> None:
        """Draw a last time and leave it there."""
        self._live.stop()

    def _draw(self) -> RenderableType:
        from ..engine.drawing import in_order
        from .live import board

        rows = {}
        if self._history.is_there:
            record = self._history.record
            steps = record.steps()
            rows = {name: _row(steps[name]) for name in in_order(record.manifest)}
        return board(self._found.pathspec, self._found.seconds, rows, self._spinner)


def _plain(step: StepRecord) -> dict[str, int]:
    """Counts as `progress` events have them, those of nothing left out."""
    counts = {
        "known": step.known,
        "running": step.active,
        "done": step.done,
        "failed": step.counts.get("failed", 0),
    }
    return {name: count for name, count in counts.items() if count}


def _row(step: StepRecord) -> StepRow:
    from .live import StepRow

    behind = time.time() - time.monotonic()
    return StepRow(
        known=step.known,
        running=step.active,
        done=step.done,
        failed=step.counts.get("failed", 0),
        began=None if step.began is None else step.began - behind,
        ended=None if step.ended is None else step.ended - behind,
    )
