"""Reads a run's record from the histories of its workflows: those it continued as, and the parts of wide foreaches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio import exceptions
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from ..engine.activities import HOOK_TYPE
from ..engine.inputs import RunInput
from .found import Found
from .record import OVER, Attempt, Record, TaskRecord

#: Workflows read, or asked for what is pending in them, at once.
AT_ONCE = 8
#: Of an attempt whose worker was lost, or which took longer than the server waits.
LOST = "lost: its worker was not heard of any more"


class History:
    """The record of one run as it is read. ``given`` is what the run started with."""

    def __init__(self, client: Client, found: Found, on_news: Callable[[], None] | None = None) -> None:
        self._client = client
        self._found = found
        self._on_news = on_news
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._open: set[tuple[str, str]] = set()
        self._reading: set[asyncio.Task[None]] = set()
        self.given: RunInput | None = None
        self._record: Record | None = None

    @property
    def is_there(self) -> bool:
        """Whether anything was read yet."""
        return self._record is not None

    @property
    def record(self) -> Record:
        """What was read so far."""
        assert self._record is not None, "read first"
        return self._record

    async def read(self) -> Record:
        """All that there is now, with what is pending."""
        try:
            await self._all(wait=False)
        finally:
            await self.close()
        await self.look_at_pending()
        return self.record

    async def follow(self) -> None:
        """Read on as it happens, until the run has ended; ``on_news`` is called after each event."""
        try:
            await self._all(wait=True)
        finally:
            await self.close()

    async def close(self) -> None:
        """Read no more."""
        for reading in self._reading:
            reading.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)

    async def look_at_pending(self) -> None:
        """Learn from the server what the tasks are doing that have not ended."""

        async def look(workflow_id: str, execution_id: str) -> None:
            async with self._limit:
                handle = self._client.get_workflow_handle(workflow_id, run_id=execution_id)
                try:
                    described = await handle.describe()
                except RPCError as error:
                    if error.status != RPCStatusCode.NOT_FOUND:
                        raise
                    return
            for pending in described.raw_description.pending_activities:
                await self._pending(pending)

        await asyncio.gather(*(look(*one) for one in sorted(self._open)))

    async def _all(self, wait: bool) -> None:
        first = await self._first_execution()
        await self._chain(self._found.workflow_id, first, wait)
        while self._reading:
            done, _ = await asyncio.wait(self._reading, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                self._reading.discard(one)
                one.result()

    async def _first_execution(self) -> str:
        """The workflow that the run began as, or the earliest that the server still has."""
        execution = self._found.execution_id
        async for event in self._events(execution, page_size=1):
            began = event.workflow_execution_started_event_attributes
            first = began.first_execution_run_id or execution
            if first != execution:
                try:
                    async for _ in self._events(first, page_size=1):
                        return first
                except RPCError as error:
                    if error.status != RPCStatusCode.NOT_FOUND:
                        raise
                given = await self._input(began.input)
                self._begin(given)
                self.record.seed = dict((given.state or {}).get("progress", {}))
            break
        return execution

    def _events(self, execution: str, page_size: int | None = None) -> Any:
        handle = self._client.get_workflow_handle(self._found.workflow_id, run_id=execution)
        return handle.fetch_history_events(page_size=page_size)

    async def _chain(self, workflow_id: str, execution: str | None, wait: bool) -> None:
        """A workflow to its end, and those it continues as."""
        while execution is not None:
            execution = await self._one(workflow_id, execution, wait)

    async def _one(self, workflow_id: str, execution: str, wait: bool) -> str | None:
        handle = self._client.get_workflow_handle(workflow_id, run_id=execution)
        self._open.add((workflow_id, execution))
        scheduled: dict[int, TaskRecord] = {}
        following: str | None = None
        async for event in handle.fetch_history_events(wait_new_event=wait):
            kind = event.event_type
            if kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
                following = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
            if kind == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
                child = event.child_workflow_execution_started_event_attributes.workflow_execution
                self._read_child(child.workflow_id, child.run_id, wait)
            if kind in _ENDS:
                self._open.discard((workflow_id, execution))
                if following is None:
                    _stop(scheduled.values(), _time(event.event_time))
            elif await self._take(event, scheduled) and self._on_news is not None:
                self._on_news()
        return following

    def _read_child(self, workflow_id: str, execution: str, wait: bool) -> None:
        async def read() -> None:
            if wait:
                await self._chain(workflow_id, execution, wait)
                return
            async with self._limit:
                await self._chain(workflow_id, execution, wait)

        self._reading.add(asyncio.create_task(read()))

    async def _take(self, event: HistoryEvent, scheduled: dict[int, TaskRecord]) -> bool:
        """Take an event into the record; whether it told anything of a task."""
        kind, at = event.event_type, _time(event.event_time)
        if kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            if self.given is None:
                self._begin(await self._input(event.workflow_execution_started_event_attributes.input))
            return False
        if kind == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            scheduled[event.event_id] = await self._scheduled(event, at)
            return True
        if kind not in _OF_TASKS:
            return False
        about = getattr(event, _OF_TASKS[kind])
        task = scheduled[about.scheduled_event_id]
        if kind == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            number = about.attempt - 1
            task.attempts = [one for one in task.attempts if one.number < number]
            task.attempts.append(Attempt(number, "running", began=at, worker=about.identity))
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
        return True

    async def _scheduled(self, event: HistoryEvent, at: float) -> TaskRecord:
        about = event.activity_task_scheduled_event_attributes
        name, summary = about.activity_type.name, event.user_metadata.summary
        label = (await self._client.data_converter.decode([summary], [str]))[0] if summary.data else name
        kind = "task"
        if name == HOOK_TYPE:
            kind, name = "hook", label
        elif name in self.record.manifest.handlers:
            kind = "compensation"
        task = TaskRecord(kind, name, about.activity_id, label, at)  # type: ignore[arg-type]
        # One that came back from the workers as it was comes again under the same id.
        self.record.tasks[f"{kind}/{name}/{about.activity_id}"] = task
        return task

    async def _completed(self, task: TaskRecord, payloads: Payloads, at: float) -> None:
        result: dict[str, Any] = (await self._client.data_converter.decode(payloads.payloads, [dict]))[0]
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
        error = await self._client.data_converter.decode_failure(failure)
        details: dict[str, Any] = {}
        if isinstance(error, ApplicationError) and error.details and isinstance(error.details[0], dict):
            details = error.details[0]
        _add_earlier(task, details.get("attempts", ()))
        task.message = _reason(task, str(details.get("message") or getattr(error, "message", error)))
        task.log = tuple(details.get("log", ()))
        _end(task, "failed", at)

    async def _pending(self, pending: PendingActivityInfo) -> None:
        decode = self._client.data_converter.decode
        for task in self.record.tasks.values():
            if task.task_id == pending.activity_id and task.state not in OVER:
                break
        else:
            return
        if pending.heartbeat_details.payloads:
            beats = await decode(pending.heartbeat_details.payloads, [list])
            task.attempts = []
            _add_earlier(task, beats[0])
        number = pending.attempt - 1
        running = pending.state in _RUNNING
        task.state = "running" if running else "retrying" if number else "waiting"
        task.attempts = [one for one in task.attempts if one.number < number]
        if running:
            began = _time(pending.last_started_time)
            task.attempts.append(Attempt(number, "running", began, worker=pending.last_worker_identity))
        if pending.HasField("last_failure"):
            error = await self._client.data_converter.decode_failure(pending.last_failure)
            lost = isinstance(error, exceptions.TimeoutError)
            task.message = LOST if lost else _reason(task, str(getattr(error, "message", error)))
        if task.state == "retrying":
            task.next_attempt = _time(pending.scheduled_time)

    async def _input(self, payloads: Payloads) -> RunInput:
        plain = await self._client.data_converter.decode(payloads.payloads, [dict])
        return RunInput.from_plain(plain[0])

    def _begin(self, given: RunInput) -> None:
        self.given = given
        self._record = Record(given.manifest)


_RUNNING = (
    PendingActivityState.PENDING_ACTIVITY_STATE_STARTED,
    PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED,
)
_ENDS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
}
_OF_TASKS = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: "activity_task_started_event_attributes",
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: "activity_task_completed_event_attributes",
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: "activity_task_failed_event_attributes",
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: "activity_task_timed_out_event_attributes",
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: "activity_task_canceled_event_attributes",
}


def _end(task: TaskRecord, state: Any, at: float) -> None:
    task.state, task.ended, task.next_attempt = state, at, None
    if task.attempts and task.attempts[-1].state == "running":
        last = task.attempts[-1]
        last.state, last.ended, last.message = ("done" if state == "kept" else state), at, task.message


def _stop(tasks: Any, at: float) -> None:
    """What had not ended when its workflow did has been stopped."""
    for task in tasks:
        if task.state not in OVER:
            _end(task, "cancelled", at)


def _add_earlier(task: TaskRecord, told: Any) -> None:
    """The attempts that a worker has told of, before those that the server tells of itself."""
    known = {one.number for one in task.attempts}
    for one in told:
        if one["number"] in known:
            continue
        state = "lost" if one.get("ended") is None else "failed"
        task.attempts.append(
            Attempt(one["number"], state, one["began"], one.get("ended"), one.get("message", ""))
        )
    task.attempts.sort(key=lambda one: one.number)
    for one, later in zip(task.attempts, task.attempts[1:], strict=False):
        if one.state == "lost" and one.ended is None:
            one.ended = later.began


def _reason(task: TaskRecord, message: str) -> str:
    """The message without the name of the step, which is said beside it."""
    for label in (task.label, task.step):
        message = message.removeprefix(f"step {label} failed: ").removeprefix(f"step {label}: ")
    return message


def _time(at: Timestamp | datetime) -> float:
    return at.timestamp() if isinstance(at, datetime) else at.seconds + at.nanos / 1e9
