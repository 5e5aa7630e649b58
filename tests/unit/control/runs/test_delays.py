"""What a run waits for, by what the server says about its tasks."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import PendingActivityState, VersioningBehavior
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse

from mftctl.control import worker_versioning
from mftctl.control.pollers import Polling
from mftctl.control.runs import delays
from mftctl.control.runs.delays import Delay, confirmed_delays, pinned_version, possible_delays
from mftctl.operations.runs.delays_text import cell, hint, sentence

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SCHEDULED = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
STARTED = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED


def described(*, ago: float = 60, **task: Any) -> DescribeWorkflowExecutionResponse:
    """A run with one task that was last scheduled that many seconds ago."""
    made = DescribeWorkflowExecutionResponse()
    made.execution_config.task_queue.name = "q"
    one = made.pending_activities.add(activity_id="temporal-fit-3", **task)
    one.activity_type.name = "fit"
    one.scheduled_time.FromDatetime(NOW - timedelta(seconds=ago))
    return made


def test_a_task_that_was_scheduled_long_ago_may_wait_for_a_worker() -> None:
    """Not one that was just scheduled, has its next attempt in the future, or runs."""
    assert possible_delays(described(state=SCHEDULED, attempt=1), NOW) == [
        Delay("no_worker", "q", NOW - timedelta(minutes=1), tasks=1)
    ]
    assert possible_delays(described(state=SCHEDULED, attempt=1, ago=1), NOW) == []
    assert possible_delays(described(state=SCHEDULED, attempt=2, ago=-60), NOW) == []
    assert possible_delays(described(state=STARTED, attempt=1), NOW) == []


def test_a_task_waits_on_its_own_task_queue() -> None:
    """Which need not be that of the run."""
    given = described(state=SCHEDULED, attempt=1)
    given.pending_activities[0].activity_options.task_queue.name = "gpu"
    assert [one.task_queue for one in possible_delays(given, NOW)] == ["gpu"]


def test_a_task_that_is_tried_again_and_again_is_told() -> None:
    """From its third failure on, with the last one."""
    given = described(state=STARTED, attempt=4)
    given.pending_activities[0].last_failure.message = "step fit[3] failed: no\n data"
    (delay,) = possible_delays(given, NOW)
    assert sentence(delay) == "task fit/temporal-fit-3 was tried 3 times: no data"
    assert cell([delay]) == "a retry of fit/temporal-fit-3 (3 attempts)"
    given.pending_activities[0].attempt = 3
    assert possible_delays(given, NOW) == []


def test_a_task_whose_worker_was_lost_again_and_again_is_told() -> None:
    """The server knows no reason but the time that has passed."""
    given = described(state=STARTED, attempt=4)
    given.pending_activities[0].last_failure.timeout_failure_info.SetInParent()
    (delay,) = possible_delays(given, NOW)
    assert delay.message == "lost: its worker stopped sending heartbeats"


def test_a_run_that_stays_on_a_version_waits_for_a_worker_of_it() -> None:
    """That of an override of its version, if it has one."""
    given = described(state=SCHEDULED, attempt=1)
    versioning = given.workflow_execution_info.versioning_info
    versioning.deployment_version.deployment_name, versioning.deployment_version.build_id = "mftctl", "v1"
    versioning.behavior = VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE
    assert [one.version for one in possible_delays(given, NOW)] == [""]
    versioning.behavior = VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
    (delay,) = possible_delays(given, NOW)
    assert sentence(delay).startswith("waiting for a worker of version mftctl:v1 on task queue q for ")
    assert cell([delay]).startswith("a worker of version mftctl:v1 on q (")
    versioning.versioning_override.pinned.version.deployment_name = "mftctl"
    versioning.versioning_override.pinned.version.build_id = "v3"
    assert pinned_version(given.workflow_execution_info) == "mftctl:v3"


@pytest.mark.parametrize(("behavior", "version"), [("Pinned", "mftctl:v1"), ("AutoUpgrade", ""), (None, "")])
def test_a_list_has_the_version_in_search_attributes(behavior: str | None, version: str) -> None:
    """The server tells more of a run only where it is described."""
    info = WorkflowExecutionInfo()
    fields = info.search_attributes.indexed_fields
    fields["TemporalWorkerDeploymentVersion"].data = b'"mftctl:v1"'
    if behavior is not None:
        fields["TemporalWorkflowVersioningBehavior"].data = json.dumps(behavior).encode()
    assert pinned_version(info) == version


async def confirmed(monkeypatch: pytest.MonkeyPatch, polling: Polling, *waits: Delay) -> list[Delay]:
    """The delays that are real, where task queues are polled so, and versions serve the task queue q only."""

    async def polled(*_: Any) -> Polling:
        return polling

    async def queues(*_: Any) -> frozenset[str]:
        return frozenset({"q"})

    monkeypatch.setattr(delays, "find_pollers", polled)
    monkeypatch.setattr(worker_versioning, "task_queues_of", queues)
    client: Any = None
    return list((await confirmed_delays(client, {"run": list(waits)}))["run"])


def test_workers_that_take_nothing_new_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run waits for the promotion of their version, unless it stays on another one: then for a worker of that."""
    waits = Delay("no_worker", "q", NOW, tasks=1), Delay("no_worker", "q", NOW, version="mftctl:v0")
    polling = Polling(unpromoted=("mftctl:v1",))
    found = asyncio.run(confirmed(monkeypatch, polling, *waits))
    start = "start one with: mftctl worker --queue q --deployment-version mftctl:v0"
    assert [hint(one) for one in found] == [
        "version mftctl:v1 is not promoted: mftctl workers promote mftctl:v1",
        start,
    ]
    found = asyncio.run(confirmed(monkeypatch, Polling(unpromoted=("mftctl:v1", "mftctl:v2")), waits[0]))
    assert hint(found[0]) == "versions mftctl:v1, mftctl:v2 are not promoted: mftctl workers promote VERSION"


def test_a_worker_of_the_current_version_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none: one without a version would take nothing, and another version must not be promoted."""
    (found,) = asyncio.run(
        confirmed(monkeypatch, Polling(lacking=("mftctl:v2",)), Delay("no_worker", "q", NOW, tasks=1))
    )
    assert sentence(found).startswith("waiting for a worker of version mftctl:v2 on task queue q for ")
    assert hint(found) == "start one with: mftctl worker --queue q --deployment-version mftctl:v2"


def test_a_task_queue_that_the_version_does_not_serve_has_workers_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A task stays on the run's version only where workers of it have served the task queue."""
    waits = (Delay("no_worker", queue, NOW, tasks=1, version="mftctl:v1") for queue in ("q", "gpu"))
    found = asyncio.run(confirmed(monkeypatch, Polling(), *waits))
    assert {one.task_queue: one.version for one in found} == {"q": "mftctl:v1", "gpu": ""}
