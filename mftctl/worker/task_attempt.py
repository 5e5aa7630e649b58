"""One attempt at a task, in a supervisor: its result or failure as Temporal gets it, with when to try again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporalio.exceptions import ApplicationError

from ..interpreter.client import ProcessEnded
from ..model.attempt import Attempt, NextAttempt
from ..model.attempt_result import CANCELLED, LOST, SUCCEEDED, AttemptResult, ProcessFigures
from ..model.codec import to_plain
from ..model.errors import MftctlError
from ..model.manifest import MAX_ATTEMPTS
from ..model.task import Outcome, TaskInput
from . import backoff
from .attempt_history import AttemptHistory
from .attempt_span import AttemptSpan
from .flow_host import Supervisor
from .host_pool import HostPool
from .metrics import AttemptEnd, Metrics, State
from .observer import Observer

if TYPE_CHECKING:
    from ..control.tracing import Tracer

#: A failure's message in Temporal is cut off at 4 KiB in all.
MAX_LOG_CHARACTERS = 2000


@dataclass
class TaskAttempt:
    """The attempt ``given``. ``runs_again``: whether an attempt that is cancelled now may run again on another worker;
    ``is_dropped``: whether it is for a server that no longer has it.
    """

    given: TaskInput
    hosts: HostPool
    observer: Observer
    history: AttemptHistory
    metrics: Metrics
    runs_again: Callable[[], bool]
    is_dropped: Callable[[], bool]
    tracer: Tracer | None = None

    def __post_init__(self) -> None:
        self._span = AttemptSpan.begin(self.tracer, self.given)
        if self._span is not None:
            self.given = self._span.known_to(self.given)
        given, trace = self.given, self._span.own.trace if self._span else None
        self._attempt = Attempt(given.launch.flow, given.run_id, given.task, given.attempt, trace)

    async def run(self, queued: float) -> dict[str, Any]:
        """The activity's result; ApplicationError ``StepFailed`` when the attempt failed or was lost.

        ``queued``: seconds that it has waited for its slot.
        """
        with self.metrics.attempt(self._attempt, queued) as end:
            try:
                return await self._run(end)
            except asyncio.CancelledError:
                again = self.runs_again()
                state: State = "lost" if again else "cancelled"
                end.ends("dropped" if self.is_dropped() else state, final=not again)
                raise
            finally:
                if self._span is not None:
                    self._span.end(self._attempt, end)

    async def _run(self, end: AttemptEnd) -> dict[str, Any]:
        attempt, unavailable = self._attempt, backoff.cannot_run_here(self.given.attempt)
        clock = asyncio.get_running_loop().time
        began, last = clock(), self.given.attempt + 1 >= MAX_ATTEMPTS
        end.ends("not_run", final=last)
        try:
            supervisor = await self.hosts.supervisor(self.given.launch, started=self.given.plain_step)
        except MftctlError as error:
            end.message = error.message
            self.observer.report(f"{attempt.pathspec} cannot run here: {error.message}", attempt)
            raise self._error(error.message, error.message, unavailable) from error
        self.observer.started(attempt)
        try:
            waited = clock() - began
            result = await self._follow(supervisor, lambda figures: end.measured(waited, figures))
        except ProcessEnded:
            self._end_if_dropped()
            end.ends("lost", final=last)
            delay = backoff.lost(self.history.losses)
            raise self._lost("the task was lost with its process", delay) from None
        except MftctlError as error:
            raise self._lost(f"the task could not run here: {error.message}", unavailable) from None
        if result.state == SUCCEEDED:
            end.ends("completed" if result.figures else "kept")
            outcome = result.outcome or Outcome()
            self.observer.finished(attempt, outcome)
            return self._success(result, outcome)
        if result.state == LOST:
            self._end_if_dropped()
            end.ends("lost", final=last)
            raise self._lost("the task was stopped with its worker", backoff.AT_ONCE)
        end.ends("failed", final=result.final, message=result.message)
        raise self._failure(result)

    def _end_if_dropped(self) -> None:
        if self.is_dropped():
            self.observer.cancelled(self._attempt)
            raise asyncio.CancelledError

    async def _follow(
        self, supervisor: Supervisor, measured: Callable[[ProcessFigures], None]
    ) -> AttemptResult:
        """The supervisor's answer. One that it gives although it was to stop counts: the task has ended by itself."""
        stopped = cancelled = False

        def stop() -> dict[str, Any]:
            nonlocal stopped, cancelled
            stopped, cancelled = True, not self.runs_again()
            return {"cancelled": cancelled}

        def on_event(printed: dict[str, Any]) -> None:
            for text, at in printed["lines"]:
                self.observer.line(self._attempt, printed["stream"], text, at)

        fields = {"task": self.given.to_plain(), "live": self.observer.wants_lines}
        try:
            answer = await supervisor.request("run", fields, on_event=on_event, stop=stop)
            result = AttemptResult.from_plain(answer)
        except ProcessEnded:
            if not cancelled:
                raise
            result = AttemptResult(CANCELLED)
        if result.figures:
            measured(result.figures)
        if stopped and result.state == CANCELLED:
            self.observer.cancelled(self._attempt)
            raise asyncio.CancelledError
        return result

    def _success(self, result: AttemptResult, outcome: Outcome) -> dict[str, Any]:
        """The activity's result, for the engine (``Driver``); Temporal's UI shows it, with a line that fetches data."""
        names, attempt, ref = result.artifacts, self._attempt, self.given.task.ref
        if result.generation is not None:
            ref = replace(ref, generation=result.generation)
        pathspec = f"{attempt.flow}/{attempt.run_id}/{ref.step}/{ref.task_id}"
        fetch = f'metaflow.Task("{pathspec}").data' + (f".{names[0]}" if names else "")
        told = {"task": pathspec, "outcome": to_plain(outcome), "artifacts": list(names), "fetch": fetch}
        kept = {"since": result.since, "generation": result.generation}
        return told | {key: value for key, value in kept.items() if value is not None}

    def _lost(self, reason: str, delay: timedelta) -> ApplicationError:
        """The error of an attempt that did not end by itself."""
        self.history.lose()
        last = self.given.attempt + 1 >= MAX_ATTEMPTS
        message = reason + (f" ({MAX_ATTEMPTS} times)" if last else "")
        again = None if last else self._again(delay)
        self.observer.failed(self._attempt, message, log=[], again=again)
        return self._error(message, f"step {self.given.task.label}: {message}", delay)

    def _failure(self, result: AttemptResult) -> ApplicationError:
        """The error of an attempt that failed: of the user's code, or of what it uses."""
        log, final = result.log, result.final
        delay = timedelta(seconds=self.given.delay) if self.given.delay else backoff.AT_ONCE
        again = None if final else self._again(delay)
        self.observer.failed(self._attempt, result.message, log=log, again=again)
        message = f"step {self.given.task.label} failed: {result.message}"
        more = {"taken": True} if result.taken else {}
        return self._error(message, message, delay, final, log=_shorten(log), **more)

    def _error(
        self, message: str, detail: str, delay: timedelta, final: bool = False, **more: Any
    ) -> ApplicationError:
        ref = self.given.task.ref
        details = {"step": ref.step, "task": ref.task_id, "attempt": self.given.attempt, "message": detail}
        details = self.history.added_to(details | more)
        return ApplicationError(
            message, details, type="StepFailed", non_retryable=final, next_retry_delay=delay
        )

    def _again(self, delay: timedelta) -> NextAttempt:
        total = min(self.given.attempts, MAX_ATTEMPTS) - 1
        return NextAttempt(self.given.attempt + 1, total, time.time() + delay.total_seconds())


def _shorten(log: Sequence[str]) -> list[str]:
    kept, size = [], 0
    for line in reversed(log):
        size += len(line) + 1
        if size > MAX_LOG_CHARACTERS:
            break
        kept.append(line)
    return kept[::-1]
