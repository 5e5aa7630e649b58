"""The board of a run's steps on a terminal."""

from __future__ import annotations

from mftctl.model.attempt import Attempt
from mftctl.model.task import Outcome, Task, TaskRef
from mftctl.operations.runs.board import BoardView


def test_a_compensation_handler_gets_a_row_when_it_runs() -> None:
    """It is no step of the graph; an error of the view would end its attempt before it starts."""
    view = BoardView()
    attempt = Attempt("Trip", "temporal-trip-1", Task(TaskRef("cancel_hotel")), 0)
    view.progress({"cancel_hotel": {"known": 1}})
    view.started(attempt)
    view.finished(attempt, Outcome(("undo_more",), splits=2))
    steps = view._frame().steps
    assert (steps["cancel_hotel"].done, steps["cancel_hotel"].known, steps["undo_more"].known) == (1, 1, 2)
