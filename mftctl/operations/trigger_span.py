"""The span of a command that starts a run, and what the run learns of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..console.output import say
from ..control.trace_settings import tracer
from ..model.trace_context import TRACEPARENT, TraceContext


def caller() -> TraceContext | None:
    """The span in which this command runs, if its environment names one."""
    return TraceContext.parse(os.environ.get(TRACEPARENT))


def variables_of(span: TraceContext | None) -> dict[str, str]:
    """The variables of a run that this span has started."""
    return {} if span is None else {TRACEPARENT: str(span)}


@contextmanager
def trigger_span(deployment: str, run_id: str) -> Iterator[dict[str, str]]:
    """A span for the block, where spans are exported; the variables of the run that starts there."""
    parent, exporter = caller(), tracer(say)
    if exporter is None:
        yield variables_of(parent)
        return
    span = exporter.new() if parent is None else exporter.within(parent)
    began, error = time.time(), None
    try:
        yield variables_of(span)
    except BaseException as failure:
        error = str(failure) or type(failure).__name__
        raise
    finally:
        attributes = {"mftctl.deployment": deployment, "mftctl.run_id": run_id}
        exporter.record(f"trigger {deployment}", span, parent, (began, time.time()), attributes, error)
        exporter.close()
