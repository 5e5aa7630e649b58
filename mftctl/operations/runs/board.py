"""A board of a run's steps on a terminal: one line per step with counts, a bar and its time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ...console.text import format_duration, log_time
from ...model.attempt import Attempt, NextAttempt
from ...model.task import Outcome
from ..pending_retries import retry_text
from .run_views import LineView

BAR_WIDTH = 24


@dataclass
class StepRow:
    """A step of the drawing: counts of its tasks, times in seconds of the monotonic clock.

    ``retries``: the next attempts of the tasks that wait for one, by task.
    """

    known: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    began: float | None = None
    ended: float | None = None
    retries: dict[str, NextAttempt] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Tasks known so far."""
        return max(self.known, self.running + self.done + self.failed)

    @property
    def seconds(self) -> float:
        """From the start of its first task to the end of its last one, or until now."""
        return 0.0 if self.began is None else (self.ended or time.monotonic()) - self.began


@dataclass(frozen=True)
class Frame:
    """What is drawn at one moment: the run's name, its age in seconds, and its steps."""

    run: str
    seconds: float
    steps: Mapping[str, StepRow]


class Board:
    """Redraws the frame that ``frame`` returns, ``rate`` times a second, from start to stop."""

    def __init__(self, frame: Callable[[], Frame], rate: float = 8) -> None:
        self._frame = frame
        self._spinner = Spinner("dots")
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, get_renderable=self._draw, refresh_per_second=rate)

    def start(self) -> None:
        """Start to draw."""
        self._live.start()

    def stop(self) -> None:
        """Draw a last time; the drawing stays on the terminal."""
        if self._live.is_started:
            with suppress(OSError):  # the terminal may be gone
                self._live.stop()

    def print(self, at: str, where: str, text: str) -> None:
        """Write one line above the drawing; ``text`` may have ANSI codes."""
        line = Text.assemble((f"{at} ", "dim"), (f"[{where}] ", "cyan"), Text.from_ansi(text))
        with suppress(OSError):
            self._console.print(line, soft_wrap=True)

    def _draw(self) -> RenderableType:
        frame = self._frame()
        table = Table.grid(padding=(0, 1))
        for name, step in list(frame.steps.items()):  # rows are added by another thread
            if step.total:
                mark = _mark(step, self._spinner)
                table.add_row(mark, name, _bar(step), _counts(step), format_duration(step.seconds))
        return Group(Text.assemble((frame.run, "bold"), "  ", format_duration(frame.seconds)), table)


class BoardView(LineView):
    """Writes the lines above a board of the run's steps."""

    wants_progress = True

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self._steps: dict[str, StepRow] = {}
        self._run = ""
        self._began = time.monotonic()
        self._board = Board(self._frame)

    def begin(self, steps: tuple[str, ...], run: str) -> None:
        """Start to draw."""
        self._steps = {step: StepRow() for step in steps}
        self._run = run
        self._board.start()

    def progress(self, counts: dict[str, dict[str, int]]) -> None:
        """Take the numbers of known tasks; this process knows all other counts itself."""
        for name, found in counts.items():
            self._row(name).known = found.get("known", 0)

    def end(self) -> None:
        """Stop drawing."""
        self._board.stop()

    def write(self, where: str, text: str, at: float) -> None:
        """Write one line above the board."""
        self._board.print(log_time(at), where, text)

    def started(self, attempt: Attempt) -> None:
        """An attempt starts."""
        step = self._row(attempt.task.ref.step)
        step.running += 1
        step.retries.pop(attempt.pathspec, None)
        step.began = step.began or time.monotonic()
        step.ended = None

    def finished(self, attempt: Attempt, outcome: Outcome) -> None:
        """The attempt succeeded; if it opened a foreach, its outcome has the number of splits."""
        self._leave(attempt).done += 1
        if outcome.splits:
            for name in outcome.next:
                self._row(name).known = max(self._row(name).known, outcome.splits)

    def failed(self, attempt: Attempt, message: str, log: Sequence[str], again: NextAttempt | None) -> None:
        """The attempt failed."""
        super().failed(attempt, message, log, again)
        step = self._leave(attempt)
        if again is None:
            step.failed += 1
        else:
            step.retries[attempt.pathspec] = again

    def cancelled(self, attempt: Attempt) -> None:
        """The attempt was cancelled."""
        super().cancelled(attempt)
        self._leave(attempt)

    def _row(self, name: str) -> StepRow:
        """The row of a step, or of a compensation handler, which gets one when it runs."""
        return self._steps.setdefault(name, StepRow())

    def _leave(self, attempt: Attempt) -> StepRow:
        step = self._row(attempt.task.ref.step)
        step.running -= 1
        step.ended = time.monotonic() if step.running == 0 else None
        return step

    def _frame(self) -> Frame:
        return Frame(self._run, time.monotonic() - self._began, self._steps)


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
    # A retry within a second is not worth showing.
    later = [again for again in list(step.retries.values()) if again.at - time.time() >= 1]
    parts += [retry_text(min(later, key=lambda again: again.at))] if later else []
    parts += [f"{len(later)} wait for a retry"] if len(later) > 1 else []
    text = Text(", ".join(parts))
    return text.append(f", {step.failed} failed", "red") if step.failed else text
