"""The log of a worker as JSON lines."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from mftctl.console import log_lines, output
from mftctl.model.attempt import Attempt, NextAttempt
from mftctl.model.errors import MftctlError
from mftctl.model.task import Task, TaskRef
from mftctl.operations.run_worker import TaskLog

ATTEMPT = Attempt("F", "r", Task(TaskRef("train", (3,))), 1)


@pytest.fixture(autouse=True)
def form(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """JSON lines; text again after the test."""
    monkeypatch.setattr(output, "_messages", None)
    monkeypatch.setattr(output, "_errors", None)
    frame = log_lines.begin("json")
    assert frame is not None
    return SimpleNamespace(frame=frame)


def test_lines_about_an_attempt_have_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever happens to it; the level says how bad it is."""
    told = TaskLog()
    told.started(ATTEMPT)
    told.failed(ATTEMPT, "ValueError: x", log=[], again=NextAttempt(2, 3, 0.0))
    told.failed(ATTEMPT, "ValueError: x", log=[], again=None)
    told.cancelled(ATTEMPT)
    told.report("it cannot run here", ATTEMPT)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    ids = {"flow": "F", "run_id": "r", "step": "train", "task": ATTEMPT.task.ref.task_id, "attempt": 1}
    assert all(ids.items() <= line.items() for line in lines)
    assert [line["level"] for line in lines] == ["info", "warning", "error", "info", "warning"]
    assert [line.get("event") for line in lines] == [
        "task_started",
        "task_failed",
        "task_failed",
        "task_cancelled",
        None,
    ]
    assert lines[0]["message"] == f"F/r/train/{ATTEMPT.task.ref.task_id} started (attempt 2)"
    assert [line.get("next_attempt") for line in lines[1:3]] == ["1970-01-01T00:00:00+00:00", None]


def test_a_hook_and_a_run_have_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    """A hook's flow, run and name; the run of a message about one."""
    told = TaskLog()
    told.hook("F", "r", "bye", ok=False, output=[])
    told.report("run r is stuck", "r")
    told.report("the task queue q cannot be served")
    hook, run, queue = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (hook["event"], hook["run_id"], hook["hook"], hook["level"]) == (
        "exit_hook",
        "r",
        "bye",
        "warning",
    )
    assert run["run_id"] == "r"
    assert "run_id" not in queue


def test_an_error_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With its code and hint."""
    assert output.fail(MftctlError("no", code="x.y", hint="try")) == 1
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["message"], line["code"], line["hint"]) == ("error", "no", "x.y", "try")


def test_what_others_print_becomes_a_line(form: SimpleNamespace) -> None:
    """Bytes that are no text, too; the worker's own lines stay as they are, but nobody else can write one."""
    line = json.loads(form.frame(b'say "\xff"', True))
    assert (line["source"], line["message"], line["level"]) == ("output", 'say "\ufffd"', "info")
    assert form.frame(b"  ", True) == b""
    own = form.frame(b"x", True).rstrip(b"\n")
    assert form.frame(own, False) == own + b"\n"
    assert json.loads(form.frame(own, True))["message"] == own.decode()
