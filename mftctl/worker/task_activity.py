"""The activity of every task and exit hook: it takes a slot of the worker and runs one attempt in it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from ..engine.payloads import HookInput
from ..interpreter.client import ProcessEnded
from ..model.errors import MftctlError
from ..model.resources import Resources, needs_of
from ..model.task import TaskInput
from . import backoff
from .attempt_history import AttemptHistory
from .gpus import NO_GPUS, Gpus
from .host_pool import HostPool
from .metrics import Metrics
from .observer import Observer
from .pauses import PauseCheck
from .run_heartbeats import RunHeartbeats
from .slots import Slots
from .task_attempt import TaskAttempt

if TYPE_CHECKING:
    from ..control.tracing import Tracer

#: Well under the engine's heartbeat timeout; it also bounds how soon a task learns of a cancellation.
HEARTBEAT_SECONDS = 2.0
#: Seconds that a task waits for a slot before it is given back for a worker that has one.
GIVE_BACK = 1.0
#: Seconds that a task with a limit waits when it cannot be given back: well under what the server adds to the limit.
HOLD = 30.0


class TaskActivity:
    """Runs tasks, each in a slot."""

    def __init__(
        self,
        hosts: HostPool,
        slots: Slots,
        observer: Observer,
        heartbeats: RunHeartbeats,
        metrics: Metrics,
        tracer: Tracer | None = None,
        gpus: Gpus = NO_GPUS,
        *,
        enforce_memory: bool = False,
    ) -> None:
        self._hosts = hosts
        self._tracer = tracer
        self._gpus = gpus
        self._enforce_memory = enforce_memory
        self._heartbeats = heartbeats
        self._metrics = metrics
        self._slots = slots
        self._observer = observer
        self._pauses = PauseCheck()
        self._running: set[asyncio.Task[Any]] = set()
        self._stopping = False

    @property
    def busy(self) -> bool:
        """Whether an attempt is running."""
        return bool(self._running)

    def stop_all(self) -> None:
        """Stop the running attempts; other workers run them again, and none counts as a retry of the user's."""
        self._stopping = True
        for task in self._running:
            task.cancel()

    @activity.defn(dynamic=True)
    async def run(self, args: Sequence[RawValue]) -> dict[str, Any]:
        """Run one attempt; an ApplicationError carries whether and when there is another."""
        plain = activity.payload_converter().from_payload(args[0].payload, dict)
        history = AttemptHistory()
        beating = asyncio.create_task(_send_heartbeats(history))
        running = asyncio.current_task()
        assert running is not None
        self._running.add(running)
        if self._stopping:  # it came after the others were stopped
            running.cancel()
        clock = asyncio.get_running_loop().time
        came = clock()
        needs = self._slots.needs(activity.info().task_queue)
        try:
            asked = HookInput.from_plain(plain) if "hook" in plain else TaskInput.from_plain(plain)
            if not await self._begin(asked, needs, first=history.number == 0):
                return {"unstarted": True}
            try:
                if isinstance(asked, HookInput):
                    return await self._hook(asked)
                given = replace(asked, attempt=history.number)
                if not self._enforce_memory:
                    given = replace(given, memory=None)
                first = given.pausable and history.number == 0
                if first and await self._pauses.hold_back(clock() - came):
                    return {"unstarted": True}
                waited = _queued() + clock() - came
                with self._gpus.assigned(needs.gpu) as variables:
                    given = replace(given, variables={**given.variables, **variables})
                    return await self._attempt(given, history, waited)
            finally:
                self._slots.end(needs)
        except ApplicationError as error:
            history.fail(error)
            raise
        finally:
            self._running.discard(running)
            beating.cancel()

    async def _begin(self, asked: TaskInput | HookInput, needs: Resources, *, first: bool) -> bool:
        """Take a slot, which is free but where a poll was open for long; False for a task that is to be given back.

        What is given back comes again as a first attempt. Another attempt, a compensation or a hook waits here; where
        the server counts the wait as part of a limit, not for so long that it would take the attempt for lost, unless
        it would take more of the machine than there is.
        """
        task = asked if isinstance(asked, TaskInput) else None
        if task is not None and task.pausable and first:
            return await self._slots.begin(needs, GIVE_BACK)
        limited = task is not None and task.limit and needs_of(activity.info().task_queue) is None
        if not await self._slots.begin(needs, HOLD if limited else None):
            self._slots.begin_beyond(needs)
        return True

    async def _attempt(self, given: TaskInput, history: AttemptHistory, queued: float) -> dict[str, Any]:
        attempt = TaskAttempt(
            given,
            self._hosts,
            self._observer,
            history,
            self._metrics,
            self._runs_again,
            self._is_dropped,
            self._tracer,
        )
        self._heartbeats.began(given.launch, given.run_id, activity.info().workflow_id or given.run_id)
        try:
            return history.added_to(await attempt.run(queued))
        finally:
            self._heartbeats.ended(given.run_id)

    async def _hook(self, given: HookInput) -> dict[str, Any]:
        """Call a function of @exit_hook; its output is the result, whether it ended well or not."""
        run = f"{given.launch.flow}/{given.run_id}"
        fields = {"hook": given.hook, "file": self._hosts.file(given.launch), "run": run}
        try:
            supervisor = await self._hosts.supervisor(given.launch)
            result = await supervisor.request("hook", fields)
        except ProcessEnded:
            raise ApplicationError("the hook was lost with its process", type="HookLost") from None
        except MftctlError as error:
            raise ApplicationError(
                f"the hook could not run here: {error.message}",
                type="HookLost",
                next_retry_delay=backoff.cannot_run_here(activity.info().attempt - 1),
            ) from None
        self._metrics.hook(given.launch.flow, ok=result["ok"])
        self._observer.hook(given.launch.flow, given.run_id, given.hook, result["ok"], result["output"])
        return {"hook": given.hook, **result}

    def _runs_again(self) -> bool:
        """Whether an attempt that is cancelled now runs again, and uses up no retry; else it is the end of its task.

        It does on another worker, and here, too, when somebody has paused the activity in Temporal's UI.
        """
        if self._stopping:
            return True
        details = activity.cancellation_details()
        return details is not None and (
            details.not_found or details.timed_out or details.paused or details.reset
        )

    def _is_dropped(self) -> bool:
        """Whether the server no longer has the attempt: its run was terminated, or it was given up for lost."""
        details = activity.cancellation_details()
        return not self._stopping and details is not None and details.not_found


def _queued() -> float:
    """Seconds from when the attempt could start until this worker received it, by the server's clock."""
    info = activity.info()
    return (info.started_time - info.current_attempt_scheduled_time).total_seconds()


async def _send_heartbeats(history: AttemptHistory) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        history.heartbeat()
