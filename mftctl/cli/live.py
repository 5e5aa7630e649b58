"""The live view of a run on a terminal: a line a step below the tasks' scrolling output."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ..worker.observer import NextAttempt, TaskEvent
from .retries import words
from .text import format_duration
from .view import View, stamp

BAR_WIDTH = 24
REFRESH = 8


@dataclass
class StepRow:
    """A step as it is drawn; times are of the monotonic clock. ``waits``: tasks that wait for their next attempt."""

    known: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    began: float | None = None
    ended: float | None = None
    waits: dict[str, NextAttempt] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Tasks known so far."""
        return max(self.known, self.running + self.done + self.failed)

    @property
    def seconds(self) -> float:
        """From its first task's begin to its last one's end, or until now."""
        return 0.0 if self.began is None else (self.ended or time.monotonic()) - self.began


class LiveView(View):
    """Draws the run's steps with counts, and bars for those of several tasks."""

    wants_progress = True

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self._spinner = Spinner("dots")
        self._steps: dict[str, StepRow] = {}
        self._run = ""
        self._began = time.monotonic()
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, get_renderable=self._draw, refresh_per_second=REFRESH)

    def begin(self, steps: tuple[str, ...], run: str) -> None:
        """Start to draw."""
        self._steps = {step: StepRow() for step in steps}
        self._run = run
        self._live.start()

    def progress(self, counts: dict[str, dict[str, int]]) -> None:
        """Take how many tasks are known; the rest is known here at once."""
        for name, found in counts.items():
            self._steps[name].known = found.get("known", 0)

    def end(self) -> None:
        """Draw a last time and leave it there."""
        if self._live.is_started:
            with suppress(OSError):  # the terminal may be gone
                self._live.stop()

    def write(self, where: str, text: str, at: float) -> None:
        """One line above the drawing."""
        line = Text.assemble((f"{stamp(at)} ", "dim"), (f"[{where}] ", "cyan"), Text.from_ansi(text))
        with suppress(OSError):
            self._console.print(line, soft_wrap=True)

    def started(self, event: TaskEvent) -> None:
        """An attempt begins."""
        step = self._steps[event.task.ref.step]
        step.running += 1
        step.waits.pop(event.pathspec, None)
        step.began = step.began or time.monotonic()
        step.ended = None

    def finished(self, event: TaskEvent, outcome: dict[str, Any]) -> None:
        """It finished well; the width of the foreach it opens is known before anybody is asked."""
        self._leave(event).done += 1
        if outcome.get("splits"):
            for name in outcome["next"]:
                self._steps[name].known = max(self._steps[name].known, outcome["splits"])

    def failed(
        self, event: TaskEvent, message: str, final: bool, log: list[str], again: NextAttempt | None = None
    ) -> None:
        """It failed."""
        super().failed(event, message, final, log, again)
        step = self._leave(event)
        step.failed += int(final)
        if again is not None:
            step.waits[event.pathspec] = again

    def cancelled(self, event: TaskEvent) -> None:
        """It was stopped."""
        super().cancelled(event)
        self._leave(event)

    def _leave(self, event: TaskEvent) -> StepRow:
        step = self._steps[event.task.ref.step]
        step.running -= 1
        step.ended = time.monotonic() if step.running == 0 else None
        return step

    def _draw(self) -> RenderableType:
        return board(self._run, time.monotonic() - self._began, self._steps, self._spinner)


def board(run: str, seconds: float, steps: dict[str, StepRow], spinner: Spinner) -> RenderableType:
    """A run as it is drawn: its name and time, below it a line a step."""
    table = Table.grid(padding=(0, 1))
    for name, step in steps.items():
        if step.total:
            table.add_row(
                _mark(step, spinner), name, _bar(step), _counts(step), format_duration(step.seconds)
            )
    return Group(Text.assemble((run, "bold"), "  ", format_duration(seconds)), table)


def _mark(step: StepRow, spinner: Spinner) -> RenderableType:
    if step.failed:
        return Text("✗", "red")
    if step.done == step.total:
        return Text("✓", "green")
    return spinner if step.running else Text("·", "dim")


def _bar(step: StepRow) -> RenderableType:
    return ProgressBar(total=step.total, completed=step.done, width=BAR_WIDTH) if step.total > 1 else Text("")


def _counts(step: StepRow) -> Text:
    parts = [f"{step.done}/{step.total} done"]
    parts += [f"{step.running} running"] if step.running else []
    # What comes at once is not worth a look.
    later = [again for again in step.waits.values() if again.at - time.time() >= 1]
    parts += [words(min(later, key=lambda one: one.at))] if later else []
    parts += [f"{len(later)} wait for a retry"] if len(later) > 1 else []
    text = Text(", ".join(parts))
    return text.append(f", {step.failed} failed", "red") if step.failed else text
