"""Run a plan: tasks as activities, parts of wide foreaches as child workflows, and continue-as-new in time."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from ..model.codec import from_plain, to_plain
from ..model.graph import graph_lines, markdown
from ..model.task import Input, Outcome, Task
from . import history_limits
from .commands import continue_as_new, run_task
from .compensations import Compensations
from .failures import TIMEOUT, details_of, failure_from_plain, first_failure, plain_failure, result_mismatch
from .foreach_part import Parts, give_back_slots, part_id
from .memo import FAILED_STEP, MEMO_INTERVAL, PAUSED, TALLY
from .payloads import RunInput
from .plan import Plan, PlanError, Ready, SplitRange
from .progress import Progress
from .ready_queue import ReadyQueue
from .task_slots import MAX_SLOTS, TaskSlots, one_at_a_time

#: A foreach up to this width runs in the workflow that opened it; a wider one is divided among child workflows.
INLINE = 100
#: Splits of a child workflow: with three to six events a task it stays far below the history limits.
CHUNK = 250
#: The patch that added ``_give_back``: before, a part kept its slots until it ended.
GIVES_BACK = "gives-slots-back"
#: The patch that added ``_take_what_came_too``.
TAKES_RESULTS = "takes-results"


class Driver:
    """Runs a plan with up to ``slots`` tasks in flight."""

    def __init__(self, given: RunInput) -> None:
        manifest = given.manifest
        self._input = given
        self._graph = manifest.graph
        self._plan = Plan(self._graph, manifest.start, given.scope)
        self._queue = ReadyQueue(INLINE, CHUNK, given.scope)
        self._slots = TaskSlots(min(given.slots or manifest.max_workers, MAX_SLOTS))
        self._gives_back = given.scope is not None and one_at_a_time(self._graph, given.scope)
        # No sets: their order would be that of commands, and another one in a replay.
        self._running: dict[asyncio.Task[None], None] = {}
        self._sending: list[asyncio.Task[None]] = []
        self._ended: list[tuple[Task | SplitRange, Any]] = []
        self._woken = False
        self._fatal: ApplicationError | None = None
        self._long = self._draining = False
        self._parts = Parts(given.paused)
        #: That of the task that was the last to finish; at the end of the run, of its last step.
        self.last_generation = given.generation
        self._noted = workflow.time()
        self.compensations = Compensations(manifest.steps)
        self.progress = Progress(tuple(self._graph))
        self._lines = graph_lines(manifest) if given.scope is None else []

    async def drive(self) -> dict[str, Any]:
        """Run the plan; the result for Temporal's UI, or the arrivals of splits for their parent."""
        if self._input.state is not None:
            self._restore(self._input.state)
        else:
            self._add(self._plan.begin())
        alarm = self._alarm()
        try:
            while not self._plan.done:
                if self._long and not self._running:
                    continue_as_new(self._continued())
                self._start_ready()
                self._give_back()
                self.update_details()
                if self._draining and not self._running:
                    continue_as_new(self._continued())
                await workflow.wait_condition(lambda: bool(self._ended or self._woken or self._fatal))
                self._woken = False
                if self._fatal is not None:
                    raise self._fatal
                self._take_ended()
                if workflow.time() - self._noted >= MEMO_INTERVAL:
                    self.note()
        except (FailureError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError):
                await self._take_what_came_too()
            await self._stop_running()
            self._keep_for_compensation()
            raise
        finally:
            if alarm is not None:
                alarm.cancel()
        return self._result()

    def get_back(self, part: str, number: int) -> None:
        """Use slots again that a child workflow does not need any more."""
        self._slots.get_back(part, number)
        self._woken = True

    @property
    def paused(self) -> bool:
        """Whether the run starts no new task."""
        return self._parts.paused

    async def pause(self, paused: bool) -> None:
        """Pause or continue, here and in child workflows: a paused run starts no new task."""
        self._parts.paused, self._woken = paused, True
        if self._input.scope is None:
            workflow.upsert_memo({PAUSED: paused})
        await self._parts.tell()

    def note(self, error: BaseException | None = None) -> None:
        """Write to the memo how many tasks are done and known, and the step that failed the run."""
        if self._input.scope is not None:
            return
        self.update_details()
        self._noted = workflow.time()
        noted: dict[str, Any] = {TALLY: self.progress.tally()}
        if details := details_of(error):
            noted[FAILED_STEP] = details.get("step")
        workflow.upsert_memo(noted)

    def update_details(self) -> None:
        """Update the drawing of the graph on the workflow's page in Temporal's UI."""
        if self._lines:
            workflow.set_current_details(markdown(self._lines, self.progress.to_plain()))

    def _start_ready(self) -> None:
        waiting: list[Ready] = []
        while (
            self._slots.free > 0 and not self._draining and not self.paused and (item := self._queue.next())
        ):
            if isinstance(item, SplitRange):
                slots = self._slots.for_part(item)
                if self._running and self._slots.too_few(slots, item):
                    waiting.append(item)
                    continue
                self._begin(
                    item,
                    self._parts.run(self._input, item, slots),
                    slots,
                    part_id(item, self._input.generation),
                )
            else:
                self.progress.started(item.ref.step)
                self._begin(item, self._run_task(item), 1)
        self._queue.add(waiting)

    def _give_back(self) -> None:
        """Return slots to the parent, once all splits of this part have started."""
        if not self._gives_back or self._queue or self._draining or self._plan.done:
            return
        parent, number = workflow.info().parent, self._slots.spare
        if parent is not None and number and workflow.patched(GIVES_BACK):
            self._slots.drop(number)
            self._sending.append(asyncio.create_task(give_back_slots(parent.workflow_id, number)))

    def _add(self, items: list[Ready]) -> None:
        for item in items:
            if not isinstance(item, SplitRange):
                self.progress.expect(item.ref.step)
            elif item is not self._input.scope:  # the parent has counted its splits
                self.progress.expect(item.step, item.width)
        self._queue.add(items)

    def _begin(self, item: Task | SplitRange, work: Any, slots: int, part: str | None = None) -> None:
        self._slots.take(slots, part)

        async def follow() -> None:
            try:
                result = await work
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - `_take_ended` raises it
                result = error
            finally:
                self._slots.end(slots, part)
            # After the wait: `_keep_for_compensation` may have replaced the list meanwhile.
            self._ended.append((item, result))

        running = asyncio.create_task(follow())
        self._running[running] = None
        running.add_done_callback(self._running.pop)

    async def _run_task(self, task: Task) -> Any:
        task = replace(task, ref=replace(task.ref, generation=self._input.generation))
        return await run_task(self._input, self._graph[task.ref.step], task, pausable=True)

    def _take_ended(self) -> None:
        while self._ended:
            item, result = self._ended.pop(0)
            if isinstance(result, BaseException):
                failure = first_failure(item, result)
                # A cancellation or a bug is returned as it is.
                if isinstance(item, Task) and failure is not result:
                    self.progress.ended(item.ref.step, "failed")
                raise failure
            done = self._record(item, result)
            if isinstance(item, SplitRange):
                if "error" in result:
                    raise failure_from_plain(result["error"])
                arrivals = [from_plain(Input, one) for one in result["arrivals"]]
                self._add(self._plan.splits_finished(item, arrivals))
            elif done is None:
                self._queue.add([item])
            else:
                since = result.get("since", self._input.execution)
                try:
                    self._add(self._plan.finished(done, from_plain(Outcome, result["outcome"]), since))
                except PlanError as error:
                    raise result_mismatch(item, error, since < self._input.execution) from error
        if history_limits.is_long():
            self._long, self._draining = True, history_limits.drains()

    def _keep_for_compensation(self) -> None:
        """Add tasks that finished after the first failure, or while they were being stopped."""
        ended, self._ended = self._ended, []
        for item, result in ended:
            if isinstance(result, Exception) and not isinstance(result, FailureError):
                raise result
            if not isinstance(result, BaseException):
                self._record(item, result)

    def _record(self, item: Task | SplitRange, result: dict[str, Any]) -> Task | None:
        """Count what has ended. Returns the task as it finished, maybe in an earlier execution; None for others.

        This run does not compensate cloned tasks.
        """
        if isinstance(item, SplitRange):
            self.progress.merge(result["progress"])
            self.compensations.merge(result.get("finished", []))
            return None
        if result.get("unstarted"):
            self.progress.unstarted(item.ref.step)
            return None
        self.progress.ended(item.ref.step, "done")
        generation = result.get("generation", self._input.generation)
        done = replace(item, ref=replace(item.ref, generation=generation))
        self.last_generation = generation
        if result.get("since", self._input.execution) >= self._input.origin_executions:
            self.compensations.add(done.ref, workflow.time())
        return done

    async def _take_what_came_too(self) -> None:
        """Let tasks that ended in the same workflow task as the cancellation have their results, to be compensated.

        Without it, the cancellation is handled first, and takes the results of tasks that have already ended.
        """
        if self._running and workflow.patched(TAKES_RESULTS):
            with contextlib.suppress(asyncio.CancelledError):
                await workflow.wait_condition(lambda: True)

    async def _stop_running(self) -> None:
        await self._parts.all_started()
        for running in list(self._running):
            running.cancel()
        while self._running:
            # Wait for all tasks even if the run is cancelled again.
            with contextlib.suppress(asyncio.CancelledError):
                await workflow.wait_condition(lambda: not self._running)

    def _alarm(self) -> asyncio.Task[None] | None:
        if self._input.deadline is None or self._input.scope is not None:
            return None
        seconds = max(0.0, self._input.deadline - workflow.time())

        async def ring() -> None:
            await asyncio.sleep(seconds)
            message = f"the run passed its workflow timeout of {self._input.manifest.workflow_timeout:g} s"
            self._fatal = ApplicationError(message, {"message": message}, type=TIMEOUT)

        return asyncio.create_task(ring())

    def failed(self, error: BaseException) -> dict[str, Any]:
        """The result of a failed child workflow, for a parent that has to compensate its tasks."""
        return {"error": plain_failure(error), **self._part()}

    def _part(self) -> dict[str, Any]:
        finished = {"finished": self.compensations.dump()} if self.compensations.wanted else {}
        return {"progress": self.progress.to_plain(), **finished}

    def _result(self) -> dict[str, Any]:
        if self._input.scope is not None:
            arrivals = [to_plain(arrival) for arrival in self._plan.arrivals]
            return {"arrivals": arrivals, **self._part()}
        pathspec = f"{self._input.manifest.flow}/{self._input.run_id}"
        return {"run": pathspec, "fetch": f'metaflow.Run("{pathspec}").data'}

    def _continued(self) -> RunInput:
        state = {"plan": self._plan.dump(), "queue": self._queue.dump(), **self._part()}
        # A part has those of its slots that it has not given back; the run itself has `max_workers`.
        slots = 0 if self._input.scope is None else self._slots.total
        return replace(self._input, state=state, paused=self.paused, slots=slots)

    def _restore(self, state: dict[str, Any]) -> None:
        self._plan.load(state["plan"])
        self._queue.load(state["queue"])
        self.progress.merge(state["progress"])
        self.compensations.merge(state.get("finished", []))
