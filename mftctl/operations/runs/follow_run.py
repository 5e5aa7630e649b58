"""Follow a run to its end by long polls of its history, and report progress meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError

from ...console.output import event, say
from ...console.text import format_duration
from ...control.runs.history import RunHistory
from ...control.runs.lookup import describe, workflow_handle
from ...control.runs.outcome import Progress, RunOutcome, wait_for_outcome
from ...control.runs.record import RunRecord, StepRecord
from ...control.runs.run import Run
from ...control.runs.stuck import HINT, problem_of
from ...model.attempt import NextAttempt
from ...model.errors import Exit, MftctlError
from ...model.graph import ordered_steps
from ..pending_retries import pending_retry, retry_text

#: Seconds between looks at what was read of the history.
INTERVAL = 0.5
#: Seconds between progress lines: this share of the run's age, so that a long run does not write too many, at most.
SHARE, MAX_INTERVAL = 0.03, 30.0
#: Least seconds between requests for pending retries, which histories do not have.
PENDING_INTERVAL = 2.0
#: Most seconds between checks whether the run is stuck.
STUCK_INTERVAL = 5.0


@contextmanager
def progress_lines(run: Run, history: RunHistory, *, introduce: bool = True) -> Iterator[Callable[[], None]]:
    """Print a line when progress has changed; ``introduce``: and the run's status at the start."""
    last: Any = ({}, None)
    printed = float("-inf")

    def update() -> None:
        nonlocal last, printed
        now = time.monotonic()
        if not history.is_there or run.ended is not None or now - printed < interval(run):
            return
        printed = now
        record = history.record
        steps = record.steps()
        counts = {
            name: step_counts(steps[name]) for name in ordered_steps(record.manifest) if steps[name].known
        }
        retry = next_retry(record)
        if (counts, retry) != last:
            last = (counts, retry)
            label, again = retry or ("", None)
            say(progress_line(counts) + (f"; {label}: {retry_text(again)}" if again else ""))
            event({"event": "progress", "run_id": run.run_id, "steps": counts})

    if run.ended is None and introduce:
        say(f"run {run.run_id} is {run.status}")
    yield update


async def follow_to_end(client: Client, run_id: str, limit: float | None) -> RunOutcome:
    """Print progress of a run until it ends; MftctlError with exit code 124 after ``limit`` seconds."""

    async def follow() -> RunOutcome:
        run = await describe(client, run_id)
        history = RunHistory(client, run)
        return await to_end(client, run, history, progress_lines(run, history, introduce=False))

    return await within(run_id, limit, follow())


async def to_end(
    client: Client, run: Run, history: RunHistory, progress: AbstractContextManager[Callable[[], None]]
) -> RunOutcome:
    """Follow the run until it ends, and call what ``progress`` gives, which shows it, every now and then."""
    ending = asyncio.create_task(
        wait_for_outcome(workflow_handle(client, run.run_id), partial(say, level="warning"))
    )
    following = asyncio.create_task(history.follow())
    polling = asyncio.create_task(poll_pending(run, history))
    checking = asyncio.create_task(report_stuck(client, run))
    try:
        with progress as update:
            while not ending.done():
                await asyncio.wait([ending], timeout=INTERVAL)
                if following.done():
                    following.result()
                update()
    finally:
        for task in (ending, following, polling, checking):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    return ending.result()


async def poll_pending(run: Run, history: RunHistory) -> None:
    """Keep the pending retries of the history up to date; ``RunHistory.follow`` reports a lost server."""
    while True:
        await asyncio.sleep(max(PENDING_INTERVAL, interval(run)))
        if history.is_there and any(step.active for step in history.record.steps().values()):
            with suppress(RPCError):
                await history.read_pending()


async def report_stuck(client: Client, run: Run) -> None:
    """Print that the run is stuck, and why, whenever that changes."""
    last: str | None = None
    while True:
        await asyncio.sleep(max(PENDING_INTERVAL, min(interval(run), STUCK_INTERVAL)))
        with suppress(RPCError):
            problem = await problem_of(client, run.workflow_id)
            if problem != last:
                last = problem
                state = "continues" if problem is None else f"is stuck: {problem}; {HINT}"
                say(f"run {run.run_id} {state}")
                event({"event": "stuck", "run_id": run.run_id, "problem": problem})


def interval(run: Run) -> float:
    """Seconds between two progress lines of a run of this age."""
    return min(SHARE * run.seconds, MAX_INTERVAL)


def next_retry(record: RunRecord) -> tuple[str, NextAttempt] | None:
    """The task with the next retry, and that retry."""
    waiting = [
        (task.label, again) for task in record.tasks.values() if (again := pending_retry(record, task))
    ]
    return min(waiting, key=lambda retry: retry[1].at) if waiting else None


def step_counts(step: StepRecord) -> dict[str, int]:
    """The counts of a step in `progress` events; zeros are left out."""
    retrying = step.counts.get("retrying", 0)
    counts = {
        "known": step.known,
        "running": step.active - retrying,
        "retrying": retrying,
        "done": step.done,
        "failed": step.counts.get("failed", 0),
    }
    return {name: count for name, count in counts.items() if count}


def progress_line(progress: Progress) -> str:
    """Progress in one line: ``start 1/1, train 3/10 (2 running)``."""
    return ", ".join(
        f"{step} {counts.get('done', 0)}/{counts.get('known', 0)}"
        + "".join(
            f" ({counts[state]} {state})" for state in ("running", "retrying", "failed") if counts.get(state)
        )
        for step, counts in progress.items()
    )


async def within(run_id: str, limit: float | None, following: Awaitable[RunOutcome]) -> RunOutcome:
    """Await for ``limit`` seconds at most; whoever stops waiting learns that the run continues."""
    try:
        async with asyncio.timeout(limit):
            return await following
    except TimeoutError:
        raise MftctlError(
            f"run {run_id} did not end within {format_duration(limit or 0)}; it continues",
            exit=Exit.TIMEOUT,
            code="timeout",
        ) from None
    except asyncio.CancelledError:
        say(f"run {run_id} continues")
        raise
