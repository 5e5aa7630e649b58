"""The board of a run's steps on a terminal."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from mftctl.control.runs.record import RunRecord, TaskRecord
from mftctl.model.attempt import Attempt
from mftctl.model.task import Outcome, Task, TaskRef
from mftctl.operations.runs import watch_run
from mftctl.operations.runs.board import BoardView

from ...manifests import MANIFEST


def test_a_compensation_handler_gets_a_row_when_it_runs() -> None:
    """It is no step of the graph; an error of the view would end its attempt before it starts."""
    view = BoardView()
    attempt = Attempt("Trip", "temporal-trip-1", Task(TaskRef("cancel_hotel")), 0)
    view.progress({"cancel_hotel": {"known": 1}})
    view.started(attempt)
    view.finished(attempt, Outcome(("undo_more",), splits=2))
    steps = view._frame().steps
    assert (steps["cancel_hotel"].done, steps["cancel_hotel"].known, steps["undo_more"].known) == (1, 1, 2)


def test_a_board_is_drawn_while_tasks_are_added() -> None:
    """It draws in a thread of its own, which an error would end."""
    record = RunRecord(MANIFEST)
    run: Any = SimpleNamespace(pathspec="F/r", seconds=1.0, started=datetime.now(UTC))
    history: Any = SimpleNamespace(is_there=True, record=record)
    step = MANIFEST.start
    done = threading.Event()

    def add() -> None:
        for number in range(60_000):
            record.tasks[f"task/{step}/{number}"] = TaskRecord("task", step, str(number), step, 1.0)
        done.set()

    threading.Thread(target=add).start()
    while not done.is_set():
        watch_run._frame(run, history)
    assert watch_run._frame(run, history).steps[step].known == 60_000
