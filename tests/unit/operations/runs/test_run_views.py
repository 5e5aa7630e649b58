"""What `mftctl run -o jsonl` writes about a run."""

from __future__ import annotations

import json

import pytest

from mftctl.console import output
from mftctl.model.attempt import Attempt
from mftctl.model.task import Task, TaskRef
from mftctl.operations.runs.run_views import JsonView

ATTEMPT = Attempt("Flow", "temporal-flow-a", Task(TaskRef("start")), 1)


def test_what_the_worker_says_is_an_event(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that reads events learns that its run is stuck, or what a task warns of; stderr has no text."""
    monkeypatch.setattr(output, "_format", "jsonl")
    view = JsonView()
    view.report("run temporal-flow-a is stuck: ValueError", "temporal-flow-a")
    view.report("the flow reads the clock", ATTEMPT)
    written = capsys.readouterr()
    stuck, warning = map(json.loads, written.out.splitlines())
    assert stuck["event"] == warning["event"] == "message"
    assert (stuck["run_id"], stuck["message"]) == (
        "temporal-flow-a",
        "run temporal-flow-a is stuck: ValueError",
    )
    assert (warning["task"], warning["attempt"]) == (ATTEMPT.pathspec, ATTEMPT.number)
    assert not written.err
