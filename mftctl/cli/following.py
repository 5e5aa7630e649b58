"""A run that goes on somewhere, followed to its end by long polls of its history: nobody is asked again and again."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .output import event, say
from .retries import due, words

if TYPE_CHECKING:
    from temporalio.client import Client

    from ..control.runs.history import RunHistory
    from ..control.runs.outcome import Progress, RunOutcome
    from ..control.runs.record import RunRecord, StepRecord
    from ..control.runs.run import Run
    from ..worker.observer import NextAttempt

#: Seconds between looks at what the history has told.
LOOK = 0.5
#: Seconds between lines of what has changed: a share of the run's time so far, so that a long run has not too many.
SHARE, RAREST = 0.03, 30.0
#: Seconds between questions to the server of what waits for a retry, which no history tells, at least.
ASK = 2.0
#: Seconds between two looks at whether a run is stuck, at most.
STUCK = 5.0


class Told:
    """A line whenever something has changed; ``introduced``: with one at the beginning."""

    def __init__(self, found: Run, history: RunHistory, *, introduced: bool = True) -> None:
        self._introduced = introduced
        self._found = found
        self._history = history
        self._last: Any = ({}, None)
        self._told = float("-inf")

    def begin(self) -> None:
        """The run is watched from here on."""
        if self._found.ended is None and self._introduced:
            say(f"run {self._found.run_id} is {self._found.status}")

    def look(self) -> None:
        """Tell what has changed."""
        from ..model.graph import in_order

        if not self._history.is_there or self._found.ended is not None:
            return
        now = time.monotonic()
        if now - self._told < rhythm(self._found):
            return
        self._told = now
        record = self._history.record
        steps = record.steps()
        counts = {name: plain(steps[name]) for name in in_order(record.manifest) if steps[name].known}
        retry = next_retry(record)
        if (counts, retry) != self._last:
            self._last = (counts, retry)
            label, again = retry or ("", None)
            say(describe(counts) + (f"; {label}: {words(again)}" if again else ""))
            event({"event": "progress", "run_id": self._found.run_id, "steps": counts})

    def end(self) -> None:
        """It has ended, or is left."""


async def to_the_end(client: Client, found: Run, history: RunHistory, view: Told) -> RunOutcome:
    """Show the run until it ends; how it ended."""
    from ..control.runs import outcome
    from ..control.runs.lookup import workflow_handle

    ending = asyncio.create_task(outcome.wait_for_outcome(workflow_handle(client, found.run_id)))
    following = asyncio.create_task(history.follow())
    asking = asyncio.create_task(ask_for_retries(found, history))
    suspecting = asyncio.create_task(tell_if_stuck(client, found))
    view.begin()
    try:
        while not ending.done():
            await asyncio.wait([ending], timeout=LOOK)
            if following.done():
                following.result()
            view.look()
    finally:
        view.end()
        for task in (ending, following, asking, suspecting):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    return ending.result()


async def ask_for_retries(found: Run, history: RunHistory) -> None:
    """Learn again and again, but ever more rarely, what open tasks do; that the server is away the follower tells."""
    from temporalio.service import RPCError

    while True:
        await asyncio.sleep(max(ASK, rhythm(found)))
        if history.is_there and any(step.active for step in history.record.steps().values()):
            with suppress(RPCError):
                await history.read_pending()


async def tell_if_stuck(client: Client, found: Run) -> None:
    """Say that the run is stuck, and why, once until that changes."""
    from temporalio.service import RPCError

    from ..control.runs.stuck import HINT, problem_of

    last: str | None = None
    while True:
        await asyncio.sleep(max(ASK, min(rhythm(found), STUCK)))
        with suppress(RPCError):
            problem = await problem_of(client, found.workflow_id)
            if problem != last:
                last = problem
                state = "goes on" if problem is None else f"is stuck: {problem}; {HINT}"
                say(f"run {found.run_id} {state}")
                event({"event": "stuck", "run_id": found.run_id, "problem": problem})


def rhythm(found: Run) -> float:
    """Seconds between two looks at a run that is so old."""
    return min(SHARE * found.seconds, RAREST)


def next_retry(record: RunRecord) -> tuple[str, NextAttempt] | None:
    """The task that is tried again next, and when."""
    waiting = [(task.label, again) for task in record.tasks.values() if (again := due(record, task))]
    return min(waiting, key=lambda one: one[1].at) if waiting else None


def plain(step: StepRecord) -> dict[str, int]:
    """Counts as `progress` events have them, those of nothing left out."""
    retrying = step.counts.get("retrying", 0)
    counts = {
        "known": step.known,
        "running": step.active - retrying,
        "retrying": retrying,
        "done": step.done,
        "failed": step.counts.get("failed", 0),
    }
    return {name: count for name, count in counts.items() if count}


def describe(progress: Progress) -> str:
    """Where a run is, in a line: ``start 1/1, train 3/10 (2 running)``."""
    return ", ".join(
        f"{step} {counts.get('done', 0)}/{counts.get('known', 0)}"
        + "".join(
            f" ({counts[state]} {state})" for state in ("running", "retrying", "failed") if counts.get(state)
        )
        for step, counts in progress.items()
    )
