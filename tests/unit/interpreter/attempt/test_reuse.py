"""What a task of a resumed run finds of earlier executions, in a datastore of Metaflow's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mftctl.interpreter.inside.attempt import reuse, runtime
from mftctl.interpreter.inside.attempt.run_store import RunStore
from mftctl.model import ids
from mftctl.model.attempt_result import FAILED
from mftctl.model.manifest import Launch, Package
from mftctl.model.task import Task, TaskInput, TaskRef

REF = TaskRef("work", (3,))
LAUNCH = Launch(
    "F", "f.py", Package("sha", "url", "{}"), "python", "local", "local", "/", "local", "null", "null"
)


@pytest.fixture
def launch(tmp_path) -> Launch:
    """How tasks of a flow with a local datastore start."""
    return replace(LAUNCH, datastore_root=str(tmp_path / ".metaflow"))


@pytest.fixture
def store(launch) -> RunStore:
    """The datastore of run `r`."""
    return RunStore(launch, "r")


def begin(store: RunStore, generation: int, number: int = 0):
    """An attempt that has begun, and may yet end."""
    attempt = store.open(replace(REF, generation=generation), number)
    attempt.init_task()
    return attempt


def end(attempt, ok: bool = True, code: int | None = 0) -> None:
    """The end of an attempt, which its supervisor has seen unless there is no exit ``code``."""
    attempt.save_artifacts([("_task_ok", ok)])
    if code is not None:
        attempt.save_metadata({"runtime": {"return_code": code, "killed": False, "success": code == 0}})
    attempt.done()


def kept(store: RunStore, generation: int, since: int = 0, number: int = 0) -> tuple[int, int] | None:
    """The generation and the execution of what a task of this generation keeps."""
    task = Task(replace(REF, generation=generation))
    found = reuse.earlier_result(store, TaskInput(LAUNCH, "r", task, attempt=number, since=since))
    return None if found is None else (found.ref.generation, found.since)


def test_the_newest_result_that_is_new_enough_is_kept(store):
    """The last execution that finished the task counts, unless what feeds the task is newer."""
    end(begin(store, 0))
    end(begin(store, 1))
    end(begin(store, 2), ok=False, code=1)
    assert kept(store, 0) is None
    assert kept(store, 1) == (0, 0)
    assert kept(store, 3) == (1, 1)
    assert kept(store, 3, since=1) == (1, 1)
    assert kept(store, 3, since=2) is None


def test_what_an_old_worker_finishes_late_is_not_taken(store):
    """Once an older result is kept, that of a newer execution is void, should its worker still bring it."""
    late = begin(store, 1)
    end(begin(store, 0))
    assert kept(store, 2) == (0, 0)
    end(late)
    assert kept(store, 3) == (0, 0)
    assert kept(store, 3, since=1) is None


@pytest.mark.parametrize(
    ("ok", "code", "taken"), [(True, None, True), (True, 0, True), (True, 1, False), (False, 1, False)]
)
def test_an_attempt_that_was_lost_with_its_result_stored(store, ok, code, taken):
    """It is not made again when it went well; when its hooks failed, it is."""
    end(begin(store, 0), ok=ok, code=code)
    assert kept(store, 0, number=1) == ((0, 0) if taken else None)


def test_an_attempt_that_was_lost_before_its_end(store):
    """It is made again, and so is one that never began."""
    assert kept(store, 0, number=1) is None
    begin(store, 0)
    assert kept(store, 0, number=1) is None


def test_a_task_of_another_resume(store):
    """A first attempt finds no attempt there: somebody else's execution has the same number."""
    begin(store, 1)
    with pytest.raises(reuse.Conflict):
        kept(store, 1)


def test_a_clone_is_as_old_as_what_it_is_a_clone_of(store, launch):
    """A run that was made of another counts that one's executions first, also when it is resumed itself."""
    end(begin(store, 1))
    new = RunStore(launch, "n")
    given = TaskInput(launch, "n", Task(REF), origin="r", origin_executions=3)
    assert reuse.earlier_result(new, given) is None
    clone = reuse.clone_of(new, given)
    assert clone == reuse.Clone(1, (("temporal-work-3", "r/work/temporal-work-3-g1"),))
    assert reuse.clone_of(new, replace(given, since=2)) is None
    end(begin(new, 0))
    again = replace(given, task=Task(replace(REF, generation=1)))
    assert reuse.earlier_result(new, again) == reuse.EarlierResult(REF, 1)
    assert reuse.earlier_result(new, replace(again, since=3)) == reuse.EarlierResult(REF, 1)
    end(begin(new, 1))
    later = replace(given, task=Task(replace(REF, generation=2)))
    assert reuse.earlier_result(new, later) == reuse.EarlierResult(replace(REF, generation=1), 4)


@pytest.mark.parametrize(("code", "retries", "runs"), [(1, 0, False), (1, 1, True), (None, 0, True)])
def test_a_failure_whose_report_was_lost_is_no_reason_to_run_again(store, code, retries, runs):
    """A task without @retry may not be safe to repeat; one that was lost before its end is."""
    end(begin(store, 0), ok=False, code=code)
    given = TaskInput(LAUNCH, "r", Task(REF), attempt=1, user_retries=retries)
    found, failures = runtime._found_before(store, given)
    assert (found is None, failures) == (runs, 0 if code is None else 1)
    if not runs:
        assert (found.state, found.final) == (FAILED, True)
        assert "attempt 0 failed" in found.message


@pytest.mark.parametrize(("lost", "retries"), [(0, 4), (1, 5), (2, 5)])
def test_the_last_attempt_has_no_retry_after_it(lost, retries):
    """Whatever was lost before: @catch takes the exception of an attempt after which Metaflow sees no retry."""
    given = TaskInput(LAUNCH, "r", Task(REF), attempt=5, user_retries=4)
    assert runtime.Runtime._with_losses(given, lost).user_retries == retries


def test_nodes_of_a_lost_attempt_leave_no_gap(store, monkeypatch):
    """Metaflow reads the last attempt before a gap, which would be an older one of this node alone."""
    monkeypatch.setattr(RunStore, "parallel_size", lambda *_: 2)
    node = replace(REF, path=(3,))
    control = Task(node, control=True)
    data = store._datastore
    name = f"{node.task_id}_node_1"
    for number in (0, 2):
        attempt = data.get_task_datastore("r", "work", name, attempt=number, mode="w")
        if number == 2:
            store.begin_nodes(control, 2)
        attempt.init_task()
        attempt.save_artifacts([("number", number), ("_task_ok", True)])
        attempt.done()
    assert data.get_task_datastore("r", "work", name)["number"] == 2


def test_a_run_that_the_server_has_forgotten_is_not_run_over_its_results(launch, store):
    """Its parameters would be those of before, and later tasks would read results of before."""
    given = TaskInput(launch, "r", Task(TaskRef("start")))
    attempt: Any = runtime.Runtime(None, given, None, None)  # type: ignore[arg-type]
    parameters = store._datastore.get_task_datastore(
        "r", "_parameters", ids.parameters_task_id(), attempt=0, mode="w"
    )
    parameters.init_task()
    parameters.save_artifacts([("alpha", 1)])
    parameters.done()
    refused = attempt._prepare(store, given)
    assert (refused.state, refused.final, refused.taken) == (FAILED, True, True)
    assert "was started before" in refused.message
    for other in (replace(given, attempt=1), replace(given, task=Task(TaskRef("start", generation=1)))):
        assert attempt._prepare(store, other) is None
