"""Each result that is filled from another object is whole: a field that nobody fills fails here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from mftctl.control.deployments import Deployment
from mftctl.control.manifest_changes import Change
from mftctl.control.pollers import Poller
from mftctl.control.runs.outcome import RunOutcome
from mftctl.control.runs.record import AttemptRecord, RunRecord, TaskRecord
from mftctl.control.runs.run import Run
from mftctl.engine.payloads import RunInput
from mftctl.model.manifest import Schedule, Trigger
from mftctl.operations import deployment_operations, schedule_operations
from mftctl.operations.runs.run_details import details_of
from mftctl.results import deployment_results, run_results
from tests.unit.manifests import MANIFEST

AT = datetime(2026, 3, 2, 6, tzinfo=UTC)
SCHEDULE = Schedule("0 6 * * ? *", "Europe/Rome", "skip", 60.0, pause_on_failure=True)
TRIGGER = Trigger("data", "event", (("p", "field"),))


def deployment() -> Deployment:
    """A deployment with a schedule that the server describes so."""
    info = SimpleNamespace(
        created_at=AT,
        last_updated_at=None,
        next_action_times=[AT],
        recent_actions=[],
        running_actions=[],
        num_actions_skipped_overlap=2,
        num_actions_missed_catchup_window=1,
    )
    described: Any = SimpleNamespace(
        info=info,
        schedule=SimpleNamespace(state=SimpleNamespace(paused=False, note=None)),
        raw_description=SimpleNamespace(info=SimpleNamespace(buffer_size=3)),
    )
    return Deployment(replace(MANIFEST, schedule=SCHEDULE, triggers=(TRIGGER,)), described)


def test_a_deployment_is_described_with_its_schedule_and_triggers() -> None:
    """And with its workers."""
    found = deployment_operations._description(deployment(), [Poller("1@host", AT)])
    assert found.deployment == "F"
    assert found.schedule == deployment_results.Schedule(
        cron="0 6 * * ? *",
        timezone="Europe/Rome",
        overlap="skip",
        catchup_window=60.0,
        pause_on_failure=True,
    )
    assert found.triggers == (
        deployment_results.Trigger(name="data", type="event", parameters=(("p", "field"),)),
    )
    assert [one.identity for one in found.workers] == ["1@host"]


def test_a_change_is_listed_with_its_values() -> None:
    """Before and after."""
    (found,) = deployment_operations.changes_of([Change("priority", "changed", before=1, after=2)])
    assert (found.what, found.kind, found.before, found.after) == ("priority", "changed", 1, 2)


def test_a_schedule_is_described_with_what_the_server_counts() -> None:
    """The runs that wait, were skipped and were missed."""
    found = schedule_operations._description(deployment())
    assert (found.deployment, found.cron, found.pause_on_failure) == ("F", "0 6 * * ? *", True)
    assert (found.waiting, found.skipped, found.missed) == (3, 2, 1)


def test_a_run_is_described_with_its_tasks_and_its_failure() -> None:
    """A task that failed, one that is pending, and a compensation."""
    run = Run("argo-1", "F", "failed", AT, AT, "F", "v1", "argo-1", "e", owner="ann", tags=("t",))
    record = RunRecord(MANIFEST)
    broken, running = AttemptRecord(0, "failed"), AttemptRecord(1, "running")
    record.tasks = {
        "1": TaskRecord("task", "start", "1", "start", 0.0, state="failed", attempts=[broken]),
        "2": TaskRecord("task", "end", "2", "end", 0.0, state="running", attempts=[running]),
        "3": TaskRecord("compensation", "undo", "3", "undo", 0.0, state="done"),
    }
    history: Any = SimpleNamespace(record=record, given=RunInput(MANIFEST, "argo-1", {"p": "1"}))
    ended = RunOutcome("failed", "it broke", step="start", task="1", attempt=0)
    found = details_of(run, history, ended, None, "http://ui")
    assert (found.run_id, found.owner, found.failed_step, found.parameters) == (
        "argo-1", "ann", "start", {"p": "1"},
    )  # fmt: skip
    assert found.tasks == run_results.TaskCounts(done=0, known=2)
    assert [one.state for one in found.steps] == ["failed", "running"]
    assert [(one.task, one.attempt) for one in found.pending] == [("2", 1)]
    assert [one.task for one in found.compensations] == ["3"]
