"""The activity of every task: an attempt in a flow host, and what Temporal is to do about how it ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from ..engine.payloads import HookInput, TaskInput
from ..interpreter.client import ProcessEnded
from ..model.codec import to_plain
from ..model.errors import MftctlError
from ..model.manifest import MAX_ATTEMPTS
from ..model.task import Attempt
from .flow_host import Supervisor
from .host_pool import Hosts
from .observer import NextAttempt, Observer, TaskEvent
from .outcomes import Attempts
from .pauses import PauseCheck
from .run_heartbeats import RunHeartbeats
from .slots import Slots

#: Well under the engine's heartbeat timeout; it also bounds how soon a task learns of a cancellation.
HEARTBEAT_SECONDS = 2.0
#: A failure's message in Temporal is cut off at 4 KiB in all.
MAX_LOG_CHARACTERS = 2000
#: Temporal takes a delay of zero for none given.
AT_ONCE = timedelta(milliseconds=1)
#: Before a task that this machine cannot run is tried again, here or by a worker that can; twice as long each time.
NOT_HERE = timedelta(seconds=5)
#: Seconds that a task waits for a slot before it is given back for a worker that has one.
GIVE_BACK = 1.0
#: Seconds that a task with @timeout waits when it cannot be given back: half of what the server's timeout is longer.
HOLD = 30.0


class TaskActivity:
    """Runs tasks, each in a slot."""

    def __init__(self, hosts: Hosts, slots: Slots, observer: Observer, heartbeats: RunHeartbeats) -> None:
        self._hosts = hosts
        self._heartbeats = heartbeats
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
        """Stop the attempts that run; other workers make them again, with no retry of the user's used up."""
        self._stopping = True
        for task in self._running:
            task.cancel()

    @activity.defn(dynamic=True)
    async def run(self, args: Sequence[RawValue]) -> dict[str, Any]:
        """One attempt; ApplicationError says whether and when there is another."""
        plain = activity.payload_converter().from_payload(args[0].payload, dict)
        heard = Attempts(activity.info().attempt - 1)
        beating = asyncio.create_task(_beat(heard))
        running = asyncio.current_task()
        assert running is not None
        self._running.add(running)
        clock = asyncio.get_running_loop().time
        came = clock()
        try:
            if not await self._begin(plain):
                return {"unstarted": True}
            try:
                if "hook" in plain:
                    return await self._hook(HookInput.from_plain(plain))
                given = TaskInput.from_plain(plain)
                if given.pausable and await self._pauses.hold_back(clock() - came):
                    return {"unstarted": True}
                self._heartbeats.began(
                    given.launch, given.run_id, activity.info().workflow_id or given.run_id
                )
                try:
                    return heard.added_to(await self._attempt(given, heard))
                finally:
                    self._heartbeats.ended(given.run_id)
            finally:
                self._slots.end()
        except ApplicationError as error:
            raise heard.failed(error) from error.__cause__
        finally:
            self._running.discard(running)
            beating.cancel()

    async def _begin(self, plain: dict[str, Any]) -> bool:
        """Take a slot, which is free but where a poll was open for long; False for a task that is to be given back.

        What is given back comes again as a first attempt. Another attempt, a compensation or a hook waits here; where
        the server counts the wait as part of @timeout, not for so long that it would take the attempt for lost.
        """
        if plain.get("pausable") and activity.info().attempt == 1:
            return await self._slots.begin(GIVE_BACK)
        if not await self._slots.begin(HOLD if plain.get("timeout") else None):
            self._slots.begin_beyond()
        return True

    async def _hook(self, given: HookInput) -> dict[str, Any]:
        """Call a function of @exit_hook; its output is the result, whether it ended well or not."""
        request = {
            "hook": given.hook,
            "file": self._hosts.file(given.launch),
            "run": f"{given.launch.flow}/{given.run_id}",
        }
        try:
            supervisor = await self._hosts.supervisor(given.launch)
            result = await supervisor.ask("hook", request)
        except ProcessEnded:
            raise ApplicationError("the hook was lost with its process", type="HookLost") from None
        except MftctlError as error:
            raise ApplicationError(
                f"the hook could not be run here: {error}",
                type="HookLost",
                next_retry_delay=_not_here(activity.info().attempt - 1),
            ) from None
        self._observer.hook(given.launch.flow, given.run_id, given.hook, result["ok"], result["output"])
        return {"hook": given.hook, **result}

    async def _attempt(self, given: TaskInput, heard: Attempts) -> dict[str, Any]:
        event = TaskEvent(given.launch.flow, given.run_id, given.task, activity.info().attempt - 1)
        try:
            supervisor = await self._hosts.supervisor(given.launch)
        except MftctlError as error:
            self._observer.say(f"{event.pathspec} cannot be run here: {error.message}")
            details = _details(event, error.message)
            raise ApplicationError(
                error.message, details, type="StepFailed", next_retry_delay=_not_here(event.attempt)
            ) from error
        self._observer.started(event)
        try:
            result = await self._follow(supervisor, given, event)
        except ProcessEnded:
            delay = _after_losses(heard.lost)
            raise self._lost(given, event, heard, "the task was lost with its process", delay) from None
        except MftctlError as error:
            why = f"the task could not be run here: {error}"
            raise self._lost(given, event, heard, why, _not_here(event.attempt)) from None
        if result.get("ok"):
            self._observer.finished(event, result["outcome"])
            return _success(event, result)
        if result.get("lost"):
            raise self._lost(given, event, heard, "the task was stopped with its worker", AT_ONCE)
        raise self._failure(given, event, result)

    async def _follow(self, supervisor: Supervisor, given: TaskInput, event: TaskEvent) -> dict[str, Any]:
        """The supervisor's answer. One that it gives although it was to stop counts: the task has ended by itself."""
        stopped = final = False

        def stop() -> dict[str, Any]:
            nonlocal stopped, final
            stopped, final = True, not self._runs_again()
            return {"final": final}

        def on_event(printed: dict[str, Any]) -> None:
            for text, at in printed["lines"]:
                self._observer.line(event, printed["stream"], text, at)

        request = _request(given, event, self._observer.wants_lines)
        try:
            result = await supervisor.ask("run", request, on_event=on_event, stop=stop)
        except ProcessEnded:
            if not final:
                raise
            result = {"cancelled": True}
        if stopped and result.get("cancelled"):
            self._observer.cancelled(event)
            raise asyncio.CancelledError
        return result

    def _runs_again(self) -> bool:
        """Whether a stopped attempt is one that another worker goes on from, not the end of its task."""
        details = activity.cancellation_details()
        return self._stopping or (details is not None and (details.not_found or details.timed_out))

    def _lost(
        self, given: TaskInput, event: TaskEvent, heard: Attempts, why: str, delay: timedelta
    ) -> ApplicationError:
        """An attempt that came to no end of its own."""
        heard.lose()
        last = event.attempt + 1 >= MAX_ATTEMPTS
        message = why + (f" ({MAX_ATTEMPTS} times)" if last else "")
        again = None if last else _again(given, event, delay)
        self._observer.failed(event, message, final=last, log=[], again=again)
        details = _details(event, f"step {event.task.label}: {message}")
        return ApplicationError(message, details, type="StepFailed", next_retry_delay=delay)

    def _failure(self, given: TaskInput, event: TaskEvent, result: dict[str, Any]) -> ApplicationError:
        log, final = result["log"], result["final"]
        delay = timedelta(seconds=given.delay) if given.delay else AT_ONCE
        again = None if final else _again(given, event, delay)
        self._observer.failed(event, result["message"], final=final, log=log, again=again)
        message = f"step {event.task.label} failed: {result['message']}"
        details = _details(event, message) | {"log": _shorten(log)}
        return ApplicationError(
            message, details, type="StepFailed", non_retryable=final, next_retry_delay=delay
        )


def _again(given: TaskInput, event: TaskEvent, delay: timedelta) -> NextAttempt:
    total = min(given.user_retries + given.error_retries, MAX_ATTEMPTS - 1)
    return NextAttempt(event.attempt + 1, total, time.time() + delay.total_seconds())


def _not_here(attempt: int) -> timedelta:
    return NOT_HERE * (1 << attempt)


def _after_losses(lost: int) -> timedelta:
    """How long a task waits that was lost, and ``lost`` times before: what ends it might end it every time."""
    return NOT_HERE * (1 << (lost - 1)) if lost else AT_ONCE


async def _beat(heard: Attempts) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        heard.beat()


def _request(given: TaskInput, event: TaskEvent, live: bool) -> dict[str, Any]:
    attempt = Attempt(
        run_id=given.run_id,
        task=given.task,
        number=event.attempt,
        user_retries=given.user_retries,
        parameters=given.parameters,
        launch=given.rewrites,
        elsewhere=given.elsewhere,
        since=given.since,
        origin=given.origin,
        origin_executions=given.origin_executions,
        variables=given.variables,
    )
    attempts = 1 + given.user_retries + given.error_retries
    return {
        "attempt": to_plain(attempt),
        "attempts": attempts,
        "tags": list(given.launch.tags),
        "live": live,
    }


def _success(event: TaskEvent, result: dict[str, Any]) -> dict[str, Any]:
    """What Temporal's UI shows of a task: its artifacts, and a line that fetches one."""
    names = result["artifacts"]
    ref = event.task.ref
    if "generation" in result:
        ref = replace(ref, generation=result["generation"])
    pathspec = f"{event.flow}/{event.run_id}/{ref.step}/{ref.task_id}"
    fetch = f'metaflow.Task("{pathspec}").data' + (f".{names[0]}" if names else "")
    kept: dict[str, Any] = {key: result[key] for key in ("since", "generation") if key in result}
    return {"task": pathspec, "outcome": result["outcome"], "artifacts": names, "fetch": fetch, **kept}


def _details(event: TaskEvent, message: str) -> dict[str, Any]:
    ref = event.task.ref
    return {"step": ref.step, "task": ref.task_id, "attempt": event.attempt, "message": message}


def _shorten(log: list[str]) -> list[str]:
    kept, size = [], 0
    for line in reversed(log):
        size += len(line) + 1
        if size > MAX_LOG_CHARACTERS:
            break
        kept.append(line)
    return kept[::-1]
