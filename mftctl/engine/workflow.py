"""The workflow of every flow: it drives a plan with activities, and wide foreaches with child workflows.

One dynamic definition serves all flows, so that Temporal shows the flow's name as workflow type and a step's name as
activity type. It runs outside the SDK's sandbox: all it imports is this package's own deterministic code.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    is_cancelled_exception,
)

from .. import ids
from ..codec import from_plain, to_plain
from ..manifest import MAX_ATTEMPTS
from ..tasks import Input, Outcome, Task
from .inputs import HookInput, RunInput, TaskInput
from .plan import Fan, Plan, PlanError, Ready
from .progress import Progress
from .queue import Queue

#: A foreach up to this width runs inside the workflow that opened it; a wider one is cut for child workflows.
INLINE = 100
#: Splits a child workflow runs: at three to six events a task it stays far from the history limits.
CHUNK = 250
#: Tasks a workflow has in flight at most (the server refuses 2,000 pending activities and advises 500).
MAX_SLOTS = 400
#: Events after which a workflow continues as new, once what is in flight has ended.
MAX_EVENTS = 4096
#: A worker that says nothing for so long is taken for lost.
HEARTBEAT_TIMEOUT = timedelta(seconds=12)
#: How much longer than @timeout the server waits: Metaflow's own alarm comes first, then log and artifacts are saved.
TIMEOUT_GRACE = 60.0
NO_TIMEOUT = timedelta(days=365)
#: Activity type of an exit hook; no step can have this name.
HOOK_TYPE = "@exit_hook"


@workflow.defn(dynamic=True)
class FlowWorkflow:
    """A run of a flow, or a part of one of its foreaches."""

    @workflow.init
    def __init__(self, args: Sequence[RawValue]) -> None:
        given = RunInput.from_plain(workflow.payload_converter().from_payload(args[0].payload, dict))
        timeout = given.manifest.workflow_timeout
        self._given = replace(
            given,
            run_id=given.run_id or ids.run_id_of(workflow.info().workflow_id),
            deadline=given.deadline or (workflow.time() + timeout if timeout else None),
        )
        self._driver = Driver(self._given)

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> dict[str, Any]:  # noqa: ARG002 - __init__ has read it
        """Run to the end; ApplicationError ``StepFailed`` with the first failure's details when a step fails."""
        given = self._given
        try:
            result = await self._driver.drive()
        except workflow.ContinueAsNewError:
            raise
        except BaseException:
            await _call_hooks(given, given.manifest.error_hooks)
            raise
        await _call_hooks(given, given.manifest.success_hooks)
        return result

    @workflow.signal(name="pause")
    async def pause(self, paused: bool) -> None:
        """Start no new task, or go on; tasks that run finish."""
        await self._driver.pause(paused)

    @workflow.query(name="paused")
    def paused(self) -> bool:
        """Whether the run is paused."""
        return self._driver.paused

    @workflow.query(name="progress")
    def progress(self) -> dict[str, Any]:
        """Counts per step: ``{"steps": {name: {"running", "done", "failed", "known"}}}``."""
        return self._driver.progress.to_plain()


async def _call_hooks(given: RunInput, hooks: tuple[str, ...]) -> None:
    """Call the functions of @exit_hook one after the other; as with the native runtime, a failure fails nothing."""
    for hook in () if given.fan else hooks:
        with contextlib.suppress(ActivityError):
            await workflow.execute_activity(
                HOOK_TYPE,
                HookInput(given.launch, given.run_id, hook).to_plain(),
                start_to_close_timeout=NO_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=RetryPolicy(
                    initial_interval=timedelta(seconds=1), maximum_attempts=MAX_ATTEMPTS
                ),
                summary=hook,
            )


class Driver:
    """Keeps up to ``slots`` tasks of a plan running until it is done."""

    def __init__(self, given: RunInput) -> None:
        manifest = given.manifest
        self._input = given
        self._graph = manifest.graph
        self._launch = given.launch
        self._plan = Plan(self._graph, manifest.start, given.fan)
        self._queue = Queue(INLINE, CHUNK, given.fan)
        self._slots = min(given.slots or manifest.max_workers, MAX_SLOTS)
        self._free = self._slots
        self._running: set[asyncio.Task[None]] = set()
        self._ended: list[tuple[Task | Fan, Any]] = []
        self._woken = False
        self._fatal: ApplicationError | None = None
        self._draining = False
        self._children: set[workflow.ChildWorkflowHandle[Any, Any]] = set()
        self.paused = given.paused
        self.progress = Progress(tuple(self._graph))

    async def drive(self) -> dict[str, Any]:
        """Run the plan; the result for Temporal's UI, or the fan's arrivals for the parent."""
        if self._input.state is not None:
            self._restore(self._input.state)
        else:
            self._add(self._plan.begin())
        alarm = self._alarm()
        try:
            while not self._plan.done:
                self._start_ready()
                if self._draining and not self._running:
                    workflow.continue_as_new(self._continued().to_plain())
                await workflow.wait_condition(self._has_news)
                self._woken = False
                if self._fatal is not None:
                    raise self._fatal
                self._take_ended()
        except BaseException:
            await self._stop_running()
            raise
        finally:
            if alarm is not None:
                alarm.cancel()
        return self._result()

    async def pause(self, paused: bool) -> None:
        """Start no new task here or in a child, or go on."""
        self.paused, self._woken = paused, True
        for child in list(self._children):
            await child.signal("pause", paused)

    def _has_news(self) -> bool:
        return bool(self._ended) or self._woken or self._fatal is not None

    def _start_ready(self) -> None:
        while self._free > 0 and not self._draining and not self.paused and (item := self._queue.next()):
            if isinstance(item, Fan):
                slots = min(self._free, max(1, (self._slots + 1) // 2), item.width)
                self._begin(item, self._run_fan(item, slots), slots)
            else:
                self.progress.started(item.ref.step)
                self._begin(item, self._run_task(item), 1)

    def _add(self, items: list[Ready]) -> None:
        for item in items:
            if not isinstance(item, Fan):
                self.progress.expect(item.ref.step)
            elif item is not self._input.fan:  # whose splits the parent has counted
                self.progress.expect(item.step, item.width)
        self._queue.add(items)

    def _begin(self, item: Task | Fan, work: Any, slots: int) -> None:
        self._free -= slots

        async def follow() -> None:
            try:
                result = await work
            except (FailureError, asyncio.CancelledError) as error:
                result = error
            finally:
                self._free += slots
            # Only now: another list may have taken the place of the one that was there before the wait.
            self._ended.append((item, result))

        running = asyncio.create_task(follow())
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def _run_task(self, task: Task) -> Any:
        step, given = self._graph[task.ref.step], self._input
        task = replace(task, ref=replace(task.ref, generation=given.generation))
        resumed = given.generation > 0 or given.origin is not None
        request = TaskInput(
            launch=self._launch,
            run_id=given.run_id,
            task=task,
            user_retries=step.user_retries,
            error_retries=step.error_retries,
            delay=step.delay,
            timeout=step.timeout,
            rewrites=step.launch,
            keep=resumed and task.may_keep and step.name not in given.rerun,
            origin=given.origin,
            origin_generation=given.origin_generation,
            parameters={} if task.inputs else given.parameters,
        )
        limit = timedelta(seconds=step.timeout + TIMEOUT_GRACE) if step.timeout else NO_TIMEOUT
        return await workflow.execute_activity(
            step.name,
            request.to_plain(),
            activity_id=task.ref.task_id,
            start_to_close_timeout=limit,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            # The worker says when a failure is final and how long a retry waits; a lost worker's task goes on at once.
            retry_policy=RetryPolicy(
                initial_interval=timedelta(milliseconds=100),
                backoff_coefficient=1.0,
                maximum_attempts=MAX_ATTEMPTS,
            ),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=task.label,
        )

    async def _run_fan(self, fan: Fan, slots: int) -> Any:
        given = replace(self._input, fan=fan, slots=slots, state=None, parameters={}, paused=self.paused)
        child = await workflow.start_child_workflow(
            ids.foreach_type(self._input.manifest.flow),
            given.to_plain(),
            id=ids.foreach_id(workflow.info().workflow_id, fan.step, fan.parent.path, fan.low),
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            static_summary=f"{fan.step}[{fan.low}-{fan.high - 1}]",
        )
        self._children.add(child)
        try:
            return await child
        finally:
            self._children.discard(child)

    def _take_ended(self) -> None:
        ended, self._ended = self._ended, []
        for item, result in ended:
            if isinstance(result, BaseException):
                raise self._failure(item, result)
            if isinstance(item, Fan):
                self.progress.merge(result["progress"])
                self._add(
                    self._plan.fan_finished(item, [from_plain(Input, one) for one in result["arrivals"]])
                )
                continue
            self.progress.finished(item.ref.step)
            outcome, kept = from_plain(Outcome, result["outcome"]), bool(result.get("kept"))
            generation = result.get("generation", self._input.generation)
            done = replace(item, ref=replace(item.ref, generation=generation))
            try:
                self._add(self._plan.finished(done, outcome, kept))
            except PlanError as error:
                raise ApplicationError(str(error), _details(item, str(error)), type="FlowInvalid") from error
        if (
            workflow.info().get_current_history_length() > MAX_EVENTS
            or workflow.info().is_continue_as_new_suggested()
        ):
            self._draining = True

    def _failure(self, item: Task | Fan, error: BaseException) -> BaseException:
        if is_cancelled_exception(error) or isinstance(error, asyncio.CancelledError):
            return error
        cause = (
            error.cause if isinstance(error, (ActivityError, ChildWorkflowError)) and error.cause else error
        )
        if isinstance(item, Task):
            self.progress.failed(item.ref.step)
        if isinstance(cause, ApplicationError) and cause.details:
            return ApplicationError(cause.message, *cause.details, type=cause.type)
        where = (
            f"step {item.ref.step} (task {item.ref.task_id})"
            if isinstance(item, Task)
            else f"foreach {item.step}"
        )
        message = f"{where} failed: {cause}"
        return ApplicationError(message, _details(item, message), type="StepFailed")

    async def _stop_running(self) -> None:
        for running in list(self._running):
            running.cancel()
        while self._running:
            # A second cancellation of the run must not leave tasks behind that nobody waits for.
            with contextlib.suppress(asyncio.CancelledError):
                await workflow.wait_condition(lambda: not self._running)

    def _alarm(self) -> asyncio.Task[None] | None:
        if self._input.deadline is None or self._input.fan is not None:
            return None
        seconds = max(0.0, self._input.deadline - workflow.time())

        async def ring() -> None:
            await asyncio.sleep(seconds)
            message = f"the run passed its workflow timeout of {self._input.manifest.workflow_timeout:g} s"
            self._fatal = ApplicationError(message, {"message": message}, type="WorkflowTimeout")

        return asyncio.create_task(ring())

    def _result(self) -> dict[str, Any]:
        if self._input.fan is not None:
            return {
                "arrivals": [to_plain(arrival) for arrival in self._plan.arrivals],
                "progress": self.progress.to_plain(),
            }
        pathspec = f"{self._input.manifest.flow}/{self._input.run_id}"
        return {"run": pathspec, "fetch": f'metaflow.Run("{pathspec}").data'}

    def _continued(self) -> RunInput:
        state = {"plan": self._plan.dump(), "queue": self._queue.dump(), "progress": self.progress.to_plain()}
        return replace(self._input, state=state, paused=self.paused)

    def _restore(self, state: dict[str, Any]) -> None:
        self._plan.load(state["plan"])
        self._queue.load(state["queue"])
        self.progress.merge(state["progress"])


def _details(item: Task | Fan, message: str) -> dict[str, Any]:
    """What a failed run says of its first failure, as JSON values."""
    if isinstance(item, Fan):
        return {"step": item.step, "message": message}
    return {"step": item.ref.step, "task": item.ref.task_id, "message": message}
