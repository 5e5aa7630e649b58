"""The workflow of every flow.

One dynamic definition runs all flows, so that Temporal shows the flow's name as workflow type and a step's name as
activity type. It runs outside the SDK's sandbox, and imports only deterministic code of this package.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, FailureError

from ..model import ids
from .commands import call_hooks, continue_as_new, publish_run_finished
from .compensations import compensate, dump_tasks, load_tasks
from .driver import Driver
from .failures import CANCELLED, TIMEOUT, failure_from_plain, is_cancelled, plain_failure, with_compensations
from .foreach_part import SLOTS_SIGNAL
from .history_limits import MAX_EVENTS
from .memo import ENDED
from .notification import notify
from .payloads import DUE, RunInput, scheduled

T = TypeVar("T")
#: Compensations that failed of which the run's failure tells; of the others it has the number.
MAX_FAILED = 100
#: The patches that added ``_deadline`` from the start, and the end of a run of which somebody has cancelled a part.
FROM_START, CANCELLED_PART = "deadline-from-start", "cancelled-part"


@workflow.defn(dynamic=True)
class FlowWorkflow:
    """A run of a flow, or a part of one of its foreaches."""

    @workflow.init
    def __init__(self, args: Sequence[RawValue]) -> None:
        given = RunInput.from_plain(workflow.payload_converter().from_payload(args[0].payload, dict))
        self._given = replace(
            given,
            run_id=given.run_id or ids.run_id_of(workflow.info().workflow_id),
            deadline=given.deadline or _deadline(given),
            started=given.started or workflow.time(),
            variables={**scheduled(workflow.info().typed_search_attributes.get(DUE)), **given.variables},
        )
        self._driver = Driver(self._given)
        if given.undo is not None:
            self._driver.progress.merge(given.undo["progress"])

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> dict[str, Any]:  # noqa: ARG002 - __init__ has read it
        """Run the flow; ApplicationError ``StepFailed`` with the details of the first failure when a step fails.

        Only a failure or a cancellation ends the run. Any other error is a bug of mftctl: it fails the workflow task,
        which Temporal retries until a fixed worker continues; compensations, hooks and notifications do not run.
        """
        given = self._given
        try:
            if given.undo is not None:
                raise failure_from_plain(given.undo["error"])
            result = await self._driver.drive()
        except (FailureError, asyncio.CancelledError) as error:
            if given.scope is not None and self._driver.compensations.wanted:
                return self._driver.failed(error)
            if given.undo is None:
                self._driver.note(error)
            failure = await _uninterrupted(self._end_badly(error))
            if failure is error:
                raise
            raise failure from error
        self._driver.note()
        await _uninterrupted(self._end_well())
        return result

    async def _end_well(self) -> None:
        await publish_run_finished(self._given, self._driver.last_generation)
        await call_hooks(self._given, self._given.manifest.success_hooks)
        await notify(self._given, None)

    async def _end_badly(self, error: BaseException) -> BaseException:
        """Run compensations, hooks and notifications; the failure that the run ends with."""
        failure = await self._undo(error)
        if isinstance(failure, ApplicationError) and failure.type == TIMEOUT:
            workflow.upsert_memo({ENDED: "timed_out"})
        elif is_cancelled(failure) and self._was_not_cancelled():
            # The previous execution was cancelled, or a part by hand; Temporal cannot end this one as cancelled.
            failure = ApplicationError("the run was cancelled", type=CANCELLED)
            workflow.upsert_memo({ENDED: "cancelled"})
        await call_hooks(self._given, self._given.manifest.error_hooks)
        await notify(self._given, failure)
        return failure

    def _was_not_cancelled(self) -> bool:
        """Whether the cancellation that ends the run was of something else than this workflow."""
        if self._given.undo is not None:
            return workflow.patched(CANCELLED)
        return workflow.cancellation_reason() is None and workflow.patched(CANCELLED_PART)

    async def _undo(self, error: BaseException) -> BaseException:
        """Run the compensations; the failure that the run ends with, with their results in its details."""
        given, before = self._given, self._given.undo or {}
        if before:
            left = load_tasks(before["left"], given)
        else:
            left = self._driver.compensations.tasks(given.generation)
            for task in left:
                self._driver.progress.expect(task.ref.step)
        if given.scope is not None or not (left or before):
            return error
        if not before:
            workflow.upsert_memo({"compensations": len(left)})
        failed, more = list(before.get("failed", ())), int(before.get("more_failed", 0))
        count = int(before.get("count", len(left)))
        while left:
            if workflow.info().get_current_history_length() > MAX_EVENTS:
                undo = {
                    "error": plain_failure(error),
                    "left": dump_tasks(left),
                    "failed": failed,
                    "more_failed": more,
                    "count": count,
                    "progress": self._driver.progress.to_plain(),
                }
                continue_as_new(replace(given, undo=undo, state=None))
            task = left.pop(0)
            self._driver.progress.started(task.ref.step)
            problem = await compensate(given, task)
            self._driver.progress.ended(task.ref.step, "done" if problem is None else "failed")
            if problem is not None and len(failed) < MAX_FAILED:
                failed.append({"task": f"{task.ref.step}/{task.ref.task_id}", "message": problem[:300]})
            elif problem is not None:
                more += 1
        return with_compensations(error, count, failed, more)

    # Parts that it tells may end with the run.
    @workflow.signal(name="pause", unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def pause(self, paused: Any = True, *_: Any) -> None:
        """Start no new task, or continue when ``paused`` is False; running tasks finish.

        It accepts any arguments: a signal that does not fit would fail the workflow task for ever.
        """
        await self._driver.pause(paused is not False)

    @workflow.signal(name=SLOTS_SIGNAL)
    def slots_given_back(self, part: Any = "", number: Any = 0, *_: Any) -> None:
        """A part of a foreach, by its workflow id, needs that many slots less from now on. Any arguments, as above."""
        if isinstance(part, str) and isinstance(number, int):
            self._driver.get_back(part, number)

    @workflow.query(name="paused")
    def paused(self) -> bool:
        """Whether the run is paused."""
        return self._driver.paused

    @workflow.query(name="progress")
    def progress(self) -> dict[str, Any]:
        """Counts per step: ``{name: {"running", "done", "failed", "known"}}``."""
        return self._driver.progress.to_plain()


def _deadline(given: RunInput) -> float | None:
    """When the run passes its timeout. It counts from the run's start, as the server's own limit."""
    timeout = given.manifest.workflow_timeout
    if not timeout:
        return None
    if workflow.patched(FROM_START):
        return workflow.info().workflow_start_time.timestamp() + timeout
    return workflow.time() + timeout


async def _uninterrupted(ending: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine to completion; cancellation is ignored. Returns its result."""
    task = asyncio.create_task(ending)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    return task.result()
