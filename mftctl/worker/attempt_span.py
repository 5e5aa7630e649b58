"""The span of an attempt at a task: below that of its run, and above those that the task itself makes."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..model.attempt import Attempt
from ..model.task import TaskInput
from ..model.trace_context import TRACEPARENT, TraceContext, caller_of
from .metrics import AttemptEnd

if TYPE_CHECKING:
    from ..control.tracing import Tracer


@dataclass(frozen=True)
class AttemptSpan:
    """A span that began at Unix time ``began``; nothing where there is no ``tracer``."""

    tracer: Tracer
    run: TraceContext
    own: TraceContext
    began: float

    @classmethod
    def begin(cls, tracer: Tracer | None, given: TaskInput) -> AttemptSpan | None:
        """A new span for an attempt at the task; None without a tracer."""
        if tracer is None:
            return None
        run = tracer.run(given.run_id, caller_of(given.variables))
        return cls(tracer, run, tracer.within(run), time.time())

    def known_to(self, given: TaskInput) -> TaskInput:
        """The task with the variable that names the span: the spans that it makes are below it."""
        return replace(given, variables={**given.variables, TRACEPARENT: str(self.own)})

    def end(self, attempt: Attempt, end: AttemptEnd) -> None:
        """Export it."""
        ref = attempt.task.ref
        attributes: dict[str, str | int] = {
            "mftctl.flow": attempt.flow,
            "mftctl.run_id": attempt.run_id,
            "mftctl.step": ref.step,
            "mftctl.task": ref.task_id,
            "mftctl.attempt": attempt.number,
            "mftctl.state": end.state,
        }
        error = None if end.state in {"completed", "kept"} else end.message or end.state
        self.tracer.record(
            attempt.task.label, self.own, self.run, (self.began, time.time()), attributes, error
        )
