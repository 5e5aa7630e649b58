"""Which workers there are, by their last heartbeats and polls; and what servers do not tell."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import DescribeTaskQueueResponse
from temporalio.service import RPCError, RPCStatusCode

from mftctl.control.pollers import Poller
from mftctl.control.queues_in_use import QueueUse
from mftctl.control.task_queue_state import TaskQueueState, read_states
from mftctl.control.workers import Worker, list_workers, workers_of
from mftctl.model.declaration import Declaration
from mftctl.operations.queue_operations import rows_of
from mftctl.operations.worker_operations import row
from mftctl.results import queue_results, worker_results

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
STOPPING = WorkerStatus.WORKER_STATUS_SHUTTING_DOWN


def beat(ago: float, queue: str = "q", **more: Any) -> WorkerHeartbeat:
    """A heartbeat of that many seconds ago, of a worker with one of two slots in use and a heartbeat each 10 s."""
    given = {"identity": "mftctl@h:1", "process": "a", "status": 1, "used": 1, "declared": True, **more}
    made = WorkerHeartbeat(
        worker_identity=given["identity"], task_queue=queue, status=given["status"], sdk_version="1.35.0"
    )
    made.host_info.host_name, made.host_info.process_id = "h", "1"
    made.host_info.worker_grouping_key = given["process"]
    made.heartbeat_time.FromDatetime(NOW - timedelta(seconds=ago))
    made.start_time.FromDatetime(NOW - timedelta(hours=1))
    made.activity_task_slots_info.current_used_slots = given["used"]
    made.deployment_version.build_id = given.get("build", "")
    if given["declared"]:
        made.plugins.add(name=Declaration("2.0", 2, 10.0).to_text())
    return made


def polled(ago: float, identity: str = "mftctl@h:1", build: str = "", queue: str = "q") -> TaskQueueState:
    """A task queue that a worker polled that many seconds ago."""
    return TaskQueueState(queue, None, None, (Poller(identity, NOW - timedelta(seconds=ago), build),))


def only(*beats: WorkerHeartbeat, queues: tuple[TaskQueueState, ...] = ()) -> Worker:
    (found,) = workers_of(beats, queues, NOW)
    return found


def test_a_killed_worker_is_lost_after_three_heartbeats() -> None:
    """It is listed with the time of its last heartbeat for 15 minutes; then it is forgotten."""
    assert only(beat(29)).state == "running"
    lost = only(beat(185))
    assert (lost.state, lost.last_seen) == ("lost", NOW - timedelta(seconds=185))
    assert (row(only(beat(29))).slots_free, row(lost).slots_free) == (1, 0)
    assert worker_results.table([row(lost)], NOW).splitlines()[1].endswith("\t3m05s ago")
    assert workers_of([beat(901)], (), NOW) == []


def test_an_older_worker_has_a_minute_for_a_heartbeat() -> None:
    """It declares nothing; its version is in its build id, and its slots are unknown."""
    older = only(beat(100, declared=False, build="mftctl-1.0"))
    assert (older.state, older.version, older.slots) == ("running", "1.0", None)
    assert worker_results.table([row(older)], NOW).splitlines()[1].split("\t")[3:6] == ["1/-", "-", "1.0"]


def test_a_worker_counts_once_for_all_its_task_queues() -> None:
    """With the tasks of all of them; a queue that it no longer serves is not listed."""
    found = only(beat(5, "b"), beat(1, "a", used=0), beat(2, "c", status=STOPPING, used=0))
    assert (found.task_queues, found.used, found.slots) == (("a", "b"), 1, 2)


def test_workers_of_one_identity_are_two() -> None:
    """In containers, process 1 of a host may be several workers."""
    found = workers_of([beat(1, process="a"), beat(2, process="b")], (), NOW)
    assert [one.identity for one in found] == ["mftctl@h:1"] * 2


def test_a_stopping_worker_is_listed_while_it_has_tasks() -> None:
    """Without one, it is gone at once, and for good; one that was killed with its tasks is lost."""
    assert workers_of([beat(100, status=STOPPING, used=0)], (), NOW) == []
    assert only(beat(100, status=STOPPING)).state == "lost"
    assert only(beat(1, status=STOPPING)).state == "stopping"
    assert workers_of([beat(1, status=STOPPING, used=0)], [polled(2)], NOW) == []
    assert only(beat(40, status=STOPPING, used=0), queues=(polled(5),)).state == "running"  # its successor


def test_a_worker_without_a_heartbeat_is_known_from_its_polls() -> None:
    """Its host and process id are in its identity; it is gone a little more than a minute after its last poll."""
    found = only(
        queues=(polled(60, "mftctl@pod-1:17", "mftctl-2.0"), polled(3, "mftctl@pod-1:17", queue="r"))
    )
    assert (found.host, found.process_id, found.version) == ("pod-1", "17", "2.0")
    assert (found.task_queues, found.used, found.started) == (("q", "r"), None, None)
    assert workers_of([], [polled(71)], NOW) == []


def test_a_wrong_clock_of_a_worker_does_not_make_it_lost() -> None:
    """Its polls are by the server's clock; a time in the future is none."""
    assert only(beat(600), queues=(polled(4),)).state == "running"
    assert only(beat(-600)).last_seen == NOW


def test_other_workers_of_the_namespace_are_not_listed() -> None:
    """Unless they poll a task queue of a deployment or of an open run."""
    other = beat(1, "theirs", identity="1@h", declared=False)
    assert workers_of([other], (), NOW) == []
    assert only(other, queues=(polled(1, "1@h", queue="theirs"),)).version is None


@pytest.mark.parametrize("text", ["mftctl", "mftctl {", "mftctl []", 'mftctl {"slots": "many"}', "other"])
def test_what_is_no_declaration_declares_nothing(text: str) -> None:
    """Plugins of others have names, too."""
    assert Declaration.from_text(text) is None


def test_a_declaration_of_a_later_version_is_read() -> None:
    """Without what this version does not know."""
    assert Declaration.from_text('mftctl {"slots": 3, "zones": ["a"]}') == Declaration(slots=3)


def test_a_server_without_statistics_and_heartbeats() -> None:
    """Shows a dash for what it does not tell."""

    async def describe(_: Any) -> DescribeTaskQueueResponse:
        return DescribeTaskQueueResponse()

    async def refuse(_: Any) -> None:
        raise RPCError("unknown method ListWorkers", RPCStatusCode.UNIMPLEMENTED, b"")

    client: Any = SimpleNamespace(
        namespace="default",
        workflow_service=SimpleNamespace(describe_task_queue=describe, list_workers=refuse),
    )
    states = asyncio.run(read_states(client, ["q"]))
    assert asyncio.run(list_workers(client, states)) == ([], False)
    rows = rows_of(states, {"q": QueueUse(["D"], 2)}, [])
    assert rows[0].backlog is None
    assert queue_results.table(rows).splitlines()[1] == "q\t-\t-\t-\t-\t0\t2\tD"


def test_a_version_of_workers_is_listed_where_there_is_one() -> None:
    """From the heartbeat, or from the poll of a worker that has none yet; else the list has no such column."""
    made = beat(1)
    made.deployment_version.deployment_name, made.deployment_version.build_id = "mftctl", "v2"
    plain = only(beat(1))
    assert (only(made).worker_version, plain.worker_version) == ("mftctl:v2", None)
    poller = Poller("mftctl@h:2", NOW, "v2", "mftctl:v2")
    fresh = only(queues=(TaskQueueState("q", None, None, (poller,)),))
    assert (fresh.worker_version, fresh.version) == ("mftctl:v2", None)
    lines = worker_results.table([row(plain), row(fresh)], NOW).splitlines()
    assert [line.rpartition("\t")[2] for line in lines] == ["WORKER VERSION", "-", "mftctl:v2"]
    assert "WORKER VERSION" not in worker_results.table([row(plain)], NOW)
