"""`mftctl runs watch`: a run that goes on somewhere, watched to its end."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

from .following import Told, to_the_end
from .options import Connection, Latest, Output
from .output import Result
from .retries import due
from .text import parse_duration

if TYPE_CHECKING:
    from rich.console import RenderableType
    from temporalio.client import Client

    from ..control.runs.history import RunHistory
    from ..control.runs.outcome import RunOutcome
    from ..control.runs.record import RunRecord, StepRecord
    from ..control.runs.run import Run
    from .live import StepRow


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
    limit = None if timeout is None else parse_duration(timeout, "--timeout")
    return asyncio.run(_watch(run, limit, latest, connection))


async def _watch(run: str, limit: float | None, latest: Latest, connection: Connection) -> Result:
    from ..control.runs import lookup
    from .looking import open_run
    from .trigger import ended, within

    client, found = await open_run(run, latest, connection)
    given = await lookup.run_input(client, found)
    how = await within(found.run_id, limit, _to_the_end(client, found))
    return ended(given.manifest, found.run_id, how)


async def _to_the_end(client: Client, found: Run) -> RunOutcome:
    from ..control.runs.history import RunHistory
    from .view import draws

    history = RunHistory(client, found)
    view = Drawn(found, history) if draws(sys.stdout) and found.ended is None else Told(found, history)
    return await to_the_end(client, found, history, view)


class Drawn(Told):
    """The steps with counts and bars, as `run` draws them."""

    def __init__(self, found: Run, history: RunHistory) -> None:
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
        from ..model.graph import in_order
        from .live import board

        rows = {}
        if self._history.is_there:
            record = self._history.record
            steps = record.steps()
            rows = {name: _row(record, steps[name]) for name in in_order(record.manifest)}
        return board(self._found.pathspec, self._found.seconds, rows, self._spinner)


def _row(record: RunRecord, step: StepRecord) -> StepRow:
    from .live import StepRow

    behind = time.time() - time.monotonic()
    return StepRow(
        known=step.known,
        running=step.active - step.counts.get("retrying", 0),
        done=step.done,
        failed=step.counts.get("failed", 0),
        began=None if step.began is None else step.began - behind,
        ended=None if step.ended is None else step.ended - behind,
        waits={
            task.label: again
            for task in record.tasks.values()
            if task.step == step.name and (again := due(record, task))
        },
    )
