"""`mftctl runs watch`: show a run that other workers serve until it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ...console.output import Result, draws
from ...console.text import can_draw
from ...control.runs.history import RunHistory
from ...control.runs.lookup import run_input
from ...control.runs.record import StepRecord
from ...control.runs.run import Run
from ...model.attempt import NextAttempt
from ...model.graph import ordered_steps
from ...results.run_results import DeploymentRun
from ..command_options import Connection
from ..pending_retries import pending_retry
from ..selection import open_run
from .board import Board, Frame, StepRow
from .follow_run import progress_lines, to_end, within
from .run_status import outcome_result


async def watch_run(
    name: str, deployment: str | None, limit: float | None, connection: Connection
) -> Result[DeploymentRun]:
    """`mftctl runs watch`: show a run until it ends; ``limit`` is in seconds."""
    client, run = await open_run(name, deployment, connection)
    manifest = (await run_input(client, run)).manifest
    history = RunHistory(client, run)
    drawn = draws() and can_draw(sys.stdout) and run.ended is None
    progress = progress_board(run, history) if drawn else progress_lines(run, history)
    ended = await within(run.run_id, limit, to_end(client, run, history, progress))
    return outcome_result(manifest, run.run_id, ended)


@contextmanager
def progress_board(run: Run, history: RunHistory) -> Iterator[Callable[[], None]]:
    """Draw the steps with counts and bars, as `run` does; the board updates itself."""
    board = Board(lambda: _frame(run, history), rate=4)
    board.start()
    try:
        yield lambda: None
    finally:
        board.stop()


def _frame(run: Run, history: RunHistory) -> Frame:
    rows = {}
    if history.is_there:
        record = history.record
        steps = record.steps()
        retries: dict[str, dict[str, NextAttempt]] = {}
        for task in record.of("task"):
            if again := pending_retry(record, task):
                retries.setdefault(task.step, {})[task.label] = again
        rows = {name: _row(steps[name], retries.get(name, {})) for name in ordered_steps(record.manifest)}
    return Frame(run.pathspec, run.seconds, rows)


def _row(step: StepRecord, retries: dict[str, NextAttempt]) -> StepRow:
    # Records have Unix times, rows have monotonic ones.
    offset = time.time() - time.monotonic()
    return StepRow(
        known=step.known,
        running=step.active - step.counts.get("retrying", 0),
        done=step.done,
        failed=step.counts.get("failed", 0),
        began=None if step.began is None else step.began - offset,
        ended=None if step.ended is None else step.ended - offset,
        retries=retries,
    )
