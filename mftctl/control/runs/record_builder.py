"""Turn the events of a run's workflows, and the server's list of pending activities, into the run's record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio import exceptions
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.converter import DataConverter

from ...engine.commands import HOOK_TYPE
from ...engine.failures import details_of
from ...engine.payloads import RunInput
from ..unreadable import input_of
from .delays import LOST
from .pending_activity import heartbeats_of, number_of, state_of
from .record import OVER, AttemptRecord, RunRecord, TaskRecord


class RecordBuilder:
    """Builds the record. ``given`` is the run's input; None before its first event."""

    def __init__(self, converter: DataConverter) -> None:
        self._converter = converter
        self.given: RunInput | None = None
        self._record: RunRecord | None = None

    @property
    def record(self) -> RunRecord:
        """What has been recorded so far."""
        assert self._record is not None, "nothing was read yet"
        return self._record

    async def begin(self, payloads: Payloads) -> RunInput:
        """The input of a workflow of the run; the first one creates the record."""
        given = await input_of(self._converter, payloads.payloads)
        if self._record is None:
            self.given, self._record = given, RunRecord(given.manifest)
        return given

    async def take(self, event: HistoryEvent, scheduled: dict[int, TaskRecord]) -> None:
        """Record an event of a workflow. ``scheduled``: its tasks, by the event that scheduled them."""
        kind, at = event.event_type, _time(event.event_time)
        about: Any = getattr(event, event.WhichOneof("attributes") or "", None)
        task = scheduled.get(getattr(about, "scheduled_event_id", 0))
        if kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            await self.begin(about.input)
        elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled[event.event_id] = await self._scheduled(event, at)
        elif task is None:
            return
        elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            number = about.attempt - 1
            task.attempts = [one for one in task.attempts if one.number < number]
            task.attempts.append(AttemptRecord(number, "running", began=at, worker=about.identity))
            task.state = "running"
        elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            await self._completed(task, about.result, at)
        elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
            _end(task, "cancelled", at)
        elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
            await self._failed(task, about.failure, at)
        elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
            task.message = LOST
            _end(task, "failed", at)

    async def forgotten(self, payloads: Payloads) -> None:
        """Count the tasks of a part whose history the server no longer has, by its result."""
        self.add_counts((await self._converter.decode(payloads.payloads, [dict]))[0])

    def add_counts(self, state: dict[str, Any]) -> None:
        """Count the tasks that a workflow had when it ended or continued, by its result or its state."""
        for step, counts in state.get("progress", {}).items():
            known = self.record.seed.setdefault(step, {})
            for kind, count in counts.items():
                known[kind] = known.get(kind, 0) + count

    def stop(self, tasks: Iterable[TaskRecord], event: HistoryEvent) -> None:
        """Mark tasks that had not ended with their workflow as cancelled."""
        for task in tasks:
            if task.state not in OVER:
                _end(task, "cancelled", _time(event.event_time))

    async def _scheduled(self, event: HistoryEvent, at: float) -> TaskRecord:
        about = event.activity_task_scheduled_event_attributes
        name, summary = about.activity_type.name, event.user_metadata.summary
        label = (await self._converter.decode([summary], [str]))[0] if summary.data else name
        kind = "task"
        if name == HOOK_TYPE:
            kind, name = "hook", label
        elif name in self.record.manifest.handlers:
            kind = "compensation"
        task = TaskRecord(kind, name, about.activity_id, label, at)  # type: ignore[arg-type]
        # A task that a worker gave back unstarted is scheduled again under the same id.
        self.record.tasks[f"{kind}/{name}/{about.activity_id}"] = task
        return task

    async def _completed(self, task: TaskRecord, payloads: Payloads, at: float) -> None:
        result: dict[str, Any] = (await self._converter.decode(payloads.payloads, [dict]))[0]
        if result.get("unstarted"):
            task.attempts = []
            task.state = "waiting"
            return
        _add_earlier(task, result.get("attempts", ()))
        if task.kind == "hook":
            task.log = tuple(result.get("output", ()))
            _end(task, "done" if result.get("ok", True) else "failed", at)
            return
        task.artifacts = tuple(result.get("artifacts", ()))
        outcome = result.get("outcome", {})
        if outcome.get("splits") is not None:
            task.widens = dict.fromkeys(outcome.get("next", ()), outcome["splits"])
        kept = "since" in result or "generation" in result
        if kept:
            task.task_id = str(result.get("task", task.task_id)).rsplit("/", 1)[-1]
        _end(task, "kept" if kept else "done", at)

    async def _failed(self, task: TaskRecord, failure: Any, at: float) -> None:
        error = await self._converter.decode_failure(failure)
        details = details_of(error)
        _add_earlier(task, details.get("attempts", ()))
        task.message = _reason(task, str(details.get("message") or getattr(error, "message", error)))
        task.log = tuple(details.get("log", ()))
        _end(task, "failed", at)

    async def pending(self, pending: PendingActivityInfo) -> None:
        """Record what the server says about a task that has not ended."""
        beats, error = await heartbeats_of(pending, self._converter), None
        if pending.HasField("last_failure"):
            error = await self._converter.decode_failure(pending.last_failure)
        # No await from here on: the task's end may be read meanwhile, and must not be overwritten.
        for task in self.record.tasks.values():
            if task.task_id == pending.activity_id and task.state not in OVER:
                break
        else:
            return
        if beats:
            task.attempts = []
            _add_earlier(task, beats)
        number = number_of(pending, beats)
        task.state = state_of(pending)
        running = task.state == "running"
        task.attempts = [one for one in task.attempts if one.number < number]
        if running:
            began = _time(pending.last_started_time)
            task.attempts.append(AttemptRecord(number, "running", began, worker=pending.last_worker_identity))
        if error is not None:
            lost = isinstance(error, exceptions.TimeoutError)
            task.message = LOST if lost else _reason(task, str(getattr(error, "message", error)))
        task.next_attempt = None
        if task.state == "retrying":
            task.next_attempt, task.next_number = _time(pending.scheduled_time), number


def _end(task: TaskRecord, state: Any, at: float) -> None:
    task.state, task.ended, task.next_attempt = state, at, None
    if task.attempts and task.attempts[-1].state == "running":
        last = task.attempts[-1]
        last.state, last.ended, last.message = ("done" if state == "kept" else state), at, task.message


def _add_earlier(task: TaskRecord, attempts: Any) -> None:
    """Add the attempts that a worker has reported, before those that the server reports."""
    last = max((one["number"] for one in attempts), default=-1)
    if task.attempts and task.attempts[-1].state == "running" and task.attempts[-1].number <= last:
        task.attempts[-1].number = last + 1  # somebody has reset the activity: see ``number_of``
    known = {one.number for one in task.attempts}
    for one in attempts:
        if one["number"] in known:
            continue
        state = "lost" if one.get("ended") is None else "failed"
        task.attempts.append(
            AttemptRecord(one["number"], state, one["began"], one.get("ended"), one.get("message", ""))
        )
    task.attempts.sort(key=lambda one: one.number)
    for one, later in zip(task.attempts, task.attempts[1:], strict=False):
        if one.state == "lost" and one.ended is None:
            one.ended = later.began


def _reason(task: TaskRecord, message: str) -> str:
    """The message without the name of the step, which is shown beside it."""
    for label in (task.label, task.step):
        message = message.removeprefix(f"step {label} failed: ").removeprefix(f"step {label}: ")
    return message


def _time(at: Timestamp | datetime) -> float:
    return at.timestamp() if isinstance(at, datetime) else at.seconds + at.nanos / 1e9
