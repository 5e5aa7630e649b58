"""Read the record of a run from the histories of its workflows, continued ones and children of foreaches included."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from ...engine.payloads import RunInput
from ...model import ids
from ..connection.connect import IgnoreNotFound
from ..history_events import history_events
from .record import RunRecord, TaskRecord
from .record_builder import RecordBuilder
from .run import Run

#: Workflows that are read at once.
AT_ONCE = 8


class RunHistory:
    """The record of one run."""

    def __init__(self, client: Client, run: Run) -> None:
        self._client = client
        self._run = run
        self._part_type = ids.foreach_type(run.flow)
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._open: set[tuple[str, str]] = set()
        self._reading: set[asyncio.Task[None]] = set()
        self._builder = RecordBuilder(client.data_converter)
        #: Results of parts, and parts whose histories the server no longer has, by workflow id.
        self._results: dict[str, Payloads] = {}
        self._forgotten: set[str] = set()

    @property
    def is_there(self) -> bool:
        """Whether anything has been read."""
        return self._builder.given is not None

    @property
    def given(self) -> RunInput | None:
        """The run's input."""
        return self._builder.given

    @property
    def record(self) -> RunRecord:
        """What has been read so far."""
        return self._builder.record

    async def read(self) -> RunRecord:
        """Read all that exists now, pending tasks included."""
        await self._all(wait=False)
        await self.read_pending()
        return self.record

    async def follow(self) -> None:
        """Read events as they happen, until the run has ended."""
        await self._all(wait=True)

    async def read_pending(self) -> None:
        """Read the state of tasks that have not ended."""

        async def read(workflow_id: str, execution_id: str) -> None:
            async with self._limit:
                handle = self._client.get_workflow_handle(workflow_id, run_id=execution_id)
                with IgnoreNotFound():
                    described = await handle.describe()
                    for pending in described.raw_description.pending_activities:
                        await self._builder.pending(pending)

        await asyncio.gather(*(read(*one) for one in sorted(self._open)))

    async def _all(self, wait: bool) -> None:
        try:
            await self._chain(self._run.workflow_id, await self._first_execution(), wait)
            while self._reading:
                done, _ = await asyncio.wait(self._reading, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    self._reading.discard(one)
                    one.result()
            for workflow_id in sorted(self._forgotten & self._results.keys()):
                await self._builder.forgotten(self._results[workflow_id])
        finally:
            for reading in self._reading:
                reading.cancel()
            await asyncio.gather(*self._reading, return_exceptions=True)

    async def _first_execution(self) -> str:
        """The first workflow of the run, or the earliest one that the server still has."""
        execution = self._run.execution_id
        async for event in self._events(self._run.workflow_id, execution):
            began = event.workflow_execution_started_event_attributes
            first = began.first_execution_run_id or execution
            if first != execution:
                with IgnoreNotFound():
                    async for _ in self._events(self._run.workflow_id, first):
                        return first
                self._builder.add_counts((await self._builder.begin(began.input)).state or {})
            break
        return execution

    def _events(self, workflow_id: str, execution: str) -> Any:
        handle = self._client.get_workflow_handle(workflow_id, run_id=execution)
        return handle.fetch_history_events(page_size=1)

    async def _chain(self, workflow_id: str, execution: str | None, wait: bool) -> None:
        """Read a workflow to its end, and those that it continued as."""
        while execution is not None:
            execution = await self._one(workflow_id, execution, wait)

    async def _one(self, workflow_id: str, execution: str, wait: bool) -> str | None:
        handle = self._client.get_workflow_handle(workflow_id, run_id=execution)
        self._open.add((workflow_id, execution))
        scheduled: dict[int, TaskRecord] = {}
        following: str | None = None
        async for event in history_events(handle, wait=wait):
            kind = event.event_type
            if kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
                following = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
            if kind == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
                child = event.child_workflow_execution_started_event_attributes
                # Notifications are child workflows too, and outlive the run.
                if child.workflow_type.name == self._part_type:
                    self._read_child(
                        child.workflow_execution.workflow_id, child.workflow_execution.run_id, wait
                    )
            if kind == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED:
                ended = event.child_workflow_execution_completed_event_attributes
                if ended.workflow_type.name == self._part_type:
                    self._results[ended.workflow_execution.workflow_id] = ended.result
            if kind in _ENDS:
                self._open.discard((workflow_id, execution))
                if following is None:
                    self._builder.stop(scheduled.values(), event)
            else:
                await self._builder.take(event, scheduled)
        return following

    def _read_child(self, workflow_id: str, execution: str, wait: bool) -> None:
        async def read() -> None:
            # The server keeps what has ended for a time only; parts, and executions that were continued, end before
            # their run.
            async with nullcontext() if wait else self._limit:
                there = await self._read_chain(workflow_id, execution, wait)
                if not there and (latest := await self._latest(workflow_id, execution)):
                    there = await self._read_chain(workflow_id, latest, wait)
            if not there:
                self._forgotten.add(workflow_id)

        self._reading.add(asyncio.create_task(read()))

    async def _read_chain(self, workflow_id: str, execution: str, wait: bool) -> bool:
        """``_chain``; False when the server does not have the execution."""
        with IgnoreNotFound():
            await self._chain(workflow_id, execution, wait)
            return True
        return False

    async def _latest(self, workflow_id: str, first: str) -> str | None:
        """The latest of the executions that began with ``first``; what those before it have done is counted."""
        handle = self._client.get_workflow_handle(workflow_id)
        with IgnoreNotFound():
            execution = (await handle.describe()).run_id
            async for event in self._events(workflow_id, execution):
                began = event.workflow_execution_started_event_attributes
                if execution == first or began.first_execution_run_id != first:
                    return None
                self._builder.add_counts((await self._builder.begin(began.input)).state or {})
                return execution
        return None


_ENDS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
}
