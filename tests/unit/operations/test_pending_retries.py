"""When a task is retried, as all views show it."""

from __future__ import annotations

import io
import re
import time
from dataclasses import replace

import pytest

from mftctl.control.runs.record import RunRecord, TaskRecord
from mftctl.model.attempt import Attempt, NextAttempt
from mftctl.model.manifest import Launch, Manifest, Package, Step
from mftctl.model.task import Task, TaskRef
from mftctl.operations import pending_retries
from mftctl.operations.run_worker import TaskLog
from mftctl.operations.runs.board import StepRow, _counts
from mftctl.operations.runs.follow_run import next_retry, progress_line, step_counts
from mftctl.operations.runs.run_views import LineView

LATER = NextAttempt(2, 3, 1000.0)
WORDS = re.compile(r"retry 1 of 3 in 1m 5\ds \(\d\d:\d\d:\d\d\)", re.IGNORECASE)


def _manifest() -> Manifest:
    words = ("local", "local", "/root", "local", "nullSidecarLogger", "nullSidecarMonitor")
    launch = Launch("Flaky", "flaky.py", Package("sha", "url", "{}"), "python", *words)
    start = Step("start", "start", user_retries=3, delay=120.0)
    return Manifest("Flaky", launch, "start", "end", (start,), "q", "me", compensations=(start,))


def test_a_run_retries_at_once() -> None:
    """`mftctl run` waits for no @retry's minutes, of steps and of compensations; nothing else differs."""
    manifest = _manifest()
    now = manifest.without_retry_delay()
    assert {step.delay for step in (*now.steps, *now.compensations)} == {0.0}
    assert replace(now, steps=manifest.steps, compensations=manifest.compensations) == manifest


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "retry 2 of 3 at once"), (58, "in 58s ("), (118, "in 1m 58s ("), (7440, "in 2h 04m (")],
)
def test_text_has_number_and_time(seconds: float, words: str) -> None:
    """The text of a retry has its number, the time until then, and the time of day."""
    text = pending_retries.retry_text(replace(LATER, at=1000.0 + seconds), now=1000.0)
    assert text.startswith("retry 2 of 3 ")
    assert words in text
    assert text.endswith(time.strftime("(%H:%M:%S)", time.localtime(1000 + seconds))) == (seconds > 1)


def test_worker_and_views_show_retries(capsys: pytest.CaptureFixture[str]) -> None:
    """The log of a worker, the lines of `run` and its board show when a task is retried."""
    event = Attempt("Flaky", "temporal-flaky-1", Task(TaskRef("start"), ()), 0)
    again = NextAttempt(1, 3, time.time() + 119)
    out = io.StringIO()
    LineView(out).failed(event, "ValueError: not yet", log=["x"], again=again)
    assert WORDS.search(out.getvalue())
    TaskLog().failed(event, "ValueError: not yet", log=[], again=again)
    assert WORDS.search(capsys.readouterr().err)
    assert WORDS.search(str(_counts(StepRow(known=1, retries={"x": again}))))
    assert "retry" not in str(_counts(StepRow(known=1, retries={"x": replace(again, at=time.time())})))


def test_a_run_that_is_followed_says_it() -> None:
    """`trigger --wait`, `runs watch` and `runs describe` know it of what the server tells of the task."""
    record = RunRecord(_manifest())
    task = TaskRecord("task", "start", "temporal-start-0", "start", 0.0, "retrying")
    task.next_attempt, task.next_number = time.time() + 119, 1
    record.tasks["start"] = task
    found = next_retry(record)
    assert found is not None
    assert WORDS.fullmatch(pending_retries.retry_text(found[1]))
    assert progress_line({"start": step_counts(record.steps()["start"])}) == "start 0/1 (1 retrying)"
    task.state = "running"
    assert next_retry(record) is None
