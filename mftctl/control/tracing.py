"""Spans of OpenTelemetry, exported over OTLP (http/protobuf) as the standard variables ``OTEL_*`` say."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision

from .. import __version__
from ..model.trace_context import TraceContext, of_run

#: Seconds that the last spans have to be exported when the process ends.
FLUSH = 2.0
#: The name of the service where OTEL_SERVICE_NAME gives none.
SERVICE = "mftctl"


class Tracer:
    """Exports spans; ``report`` gets, once, why they cannot be exported."""

    def __init__(self, report: Callable[[str], None]) -> None:
        logger, self._problems = logging.getLogger("opentelemetry"), _Problems(report)
        logger.handlers, logger.propagate = [self._problems], False
        self._ids = _Ids()
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: SERVICE}
        self._provider = TracerProvider(
            resource=Resource.create(named), id_generator=self._ids, shutdown_on_exit=False
        )
        self._exporter = OTLPSpanExporter()
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("mftctl", __version__)

    def run(self, run_id: str, caller: TraceContext | None) -> TraceContext:
        """The span of a run; whether it is sampled is the caller's choice, else that of OTEL_TRACES_SAMPLER."""
        found = of_run(run_id, caller)
        return self._decided(found) if caller is None else found

    def within(self, parent: TraceContext) -> TraceContext:
        """A new span in the trace of ``parent``."""
        return replace(parent, span_id=self._ids.random.generate_span_id())

    def new(self) -> TraceContext:
        """A new span in a new trace."""
        ids = self._ids.random
        return self._decided(TraceContext(ids.generate_trace_id(), ids.generate_span_id()))

    def record(
        self,
        name: str,
        span: TraceContext,
        parent: TraceContext | None,
        times: tuple[float, float],
        attributes: Mapping[str, str | int],
        error: str | None = None,
    ) -> None:
        """Export a span that has ended; ``times``: its begin and end in Unix seconds."""
        began, ended = (int(at * 1e9) for at in times)
        self._ids.wanted = span
        try:
            made = self._tracer.start_span(name, _context(parent), start_time=began, attributes=attributes)
        finally:
            self._ids.wanted = None
        if error is not None:
            made.set_status(trace.StatusCode.ERROR, error)
        made.end(ended)

    def problem(self, message: str) -> None:
        """Report, once, why a span is missing."""
        self._problems.report(message, message)

    def _decided(self, root: TraceContext) -> TraceContext:
        decision = self._provider.sampler.should_sample(None, root.trace_id, "").decision
        return replace(root, sampled=decision == Decision.RECORD_AND_SAMPLE)

    def close(self) -> None:
        """Export what is left, as far as that is possible in FLUSH seconds, and nothing from then on."""
        # The provider's own limit is one for each try.
        flushing = threading.Thread(target=self._provider.force_flush, daemon=True)
        flushing.start()
        flushing.join(FLUSH)
        # A collector that is away is not tried again.
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _Ids(RandomIdGenerator):
    """Gives the span that is made in this thread the ids that are ``wanted``."""

    def __init__(self) -> None:
        self.random = RandomIdGenerator()
        self._local = threading.local()

    @property
    def wanted(self) -> TraceContext | None:
        found: TraceContext | None = getattr(self._local, "wanted", None)
        return found

    @wanted.setter
    def wanted(self, span: TraceContext | None) -> None:
        self._local.wanted = span

    def generate_span_id(self) -> int:
        return self.random.generate_span_id() if self.wanted is None else self.wanted.span_id

    def generate_trace_id(self) -> int:
        return self.random.generate_trace_id() if self.wanted is None else self.wanted.trace_id


class _Problems(logging.Handler):
    """Reports each problem of the exporter once."""

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._report = report
        self._reported: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.report(str(record.msg), record.getMessage())

    def report(self, kind: str, message: str) -> None:
        if kind not in self._reported:
            self._reported.add(kind)
            self._report(f"traces cannot be exported: {' '.join(message.split())}")


def _context(parent: TraceContext | None) -> Context:
    if parent is None:
        return trace.set_span_in_context(trace.INVALID_SPAN)
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if parent.sampled else trace.TraceFlags.DEFAULT)
    where = trace.SpanContext(parent.trace_id, parent.span_id, is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(where))
