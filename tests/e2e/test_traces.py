"""Traces: from whoever starts a run over the run and its tasks to the spans that the flow's code makes."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import otlp
import pytest

FLOW = """
import os
from metaflow import FlowSpec, Parameter, current, retry, step

def span(name):
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    above = TraceContextTextMapPropagator().extract({"traceparent": os.environ["TRACEPARENT"]})
    return provider.get_tracer("flow").start_as_current_span(name, context=above)

class TracedFlow(FlowSpec):
    bad = Parameter("bad", default=False, type=bool)

    @retry(times=1, minutes_between_retries=0)
    @step
    def start(self):
        if current.retry_count == 0:
            raise ValueError("at first")
        with span("the user's own"):
            self.x = 1
        self.next(self.end)

    @step
    def end(self):
        if self.bad:
            raise ValueError("bad")

if __name__ == "__main__":
    TracedFlow()
"""
CALLER = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


@pytest.fixture(scope="module")
def received() -> Iterator[otlp.Receiver]:
    with otlp.receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def runs(lodging, received) -> dict[str, Any]:
    """A run whose caller has a trace, one without that fails, and the lines of the worker, which has ended."""
    lodging.env.update(OTEL_EXPORTER_OTLP_ENDPOINT=received.url)
    assert lodging.run("deploy", str(lodging.flow("traced_flow.py", FLOW))).returncode == 0
    log = lodging.worker("TracedFlow", "--log-format", "json")
    trigger = ("trigger", "TracedFlow", "-o", "name")
    good = lodging.run(*trigger, TRACEPARENT=f"00-{CALLER[0]}-{CALLER[1]}-01").stdout.strip()
    bad = lodging.run(*trigger, "bad=true", OTEL_EXPORTER_OTLP_ENDPOINT="").stdout.strip()
    assert [lodging.run("runs", "watch", run).returncode for run in (good, bad)] == [0, 3]
    lodging.processes[-1].send_signal(signal.SIGTERM)
    assert lodging.processes[-1].wait(60) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return {"good": good, "bad": bad, "lines": lines}


def of(received: otlp.Receiver, run: str) -> list[otlp.Span]:
    return [span for span in received.spans if span.attributes.get("mftctl.run_id") == run]


def test_a_trace_goes_from_the_caller_to_the_flows_own_spans(received, runs) -> None:
    """Each span once, below the one that caused it, within its time, and with what it is about."""
    spans = [*of(received, runs["good"]), *received.named("the user's own")]
    spans = [
        span for span in spans if span.trace == CALLER[0]
    ]  # the other run has a span of the user's as well
    by_id = {span.id: span for span in spans}
    assert len(by_id) == len(spans) == 6
    path = {span.name: by_id[span.parent].name if span.parent in by_id else span.parent for span in spans}
    assert path == {
        "trigger TracedFlow": CALLER[1],
        "TracedFlow": "trigger TracedFlow",
        "start": "TracedFlow",
        "end": "TracedFlow",
        "the user's own": "start",
    }
    (own,) = [span for span in spans if span.name == "the user's own"]
    first, second = sorted((span for span in spans if span.name == "start"), key=lambda span: span.began)
    assert own.parent == second.id
    assert first.error.startswith("ValueError: at first")
    assert (first.attributes["mftctl.attempt"], second.attributes["mftctl.attempt"]) == (0, 1)
    assert second.attributes == {
        "mftctl.flow": "TracedFlow",
        "mftctl.run_id": runs["good"],
        "mftctl.step": "start",
        "mftctl.task": "temporal-start-0",
        "mftctl.attempt": 1,
        "mftctl.state": "completed",
    }
    assert [span.error for span in spans if span is not first] == [None] * 5
    (run,) = [span for span in spans if span.name == "TracedFlow"]
    assert run.began <= first.began <= first.ended <= second.began <= own.began <= own.ended <= second.ended
    assert second.ended <= run.ended
    assert {span.service for span in spans if span is not own} == {"mftctl"}


def test_a_run_without_a_caller_has_a_trace_of_its_own(received, runs) -> None:
    """As scheduled runs have; a run that fails says why."""
    spans = of(received, runs["bad"])
    (run,) = [span for span in spans if span.name == "TracedFlow"]
    assert {span.trace for span in spans} == {run.trace}
    assert run.trace != CALLER[0]
    assert run.parent == ""
    assert "step end failed: ValueError: bad" in run.error
    assert {span.parent for span in spans if span is not run} == {run.id}
    assert len(spans) == 4


def test_lines_of_the_log_have_the_trace(runs, received) -> None:
    """So one finds the other."""
    traces = {line["run_id"]: line["trace_id"] for line in runs["lines"] if "step" in line}
    assert traces[runs["good"]] == CALLER[0]
    assert {traces[runs["bad"]]} == {span.trace for span in of(received, runs["bad"])}


def test_another_protocol_is_refused(lodging) -> None:
    """Exit code 2, with the variable."""
    done = lodging.run("worker", "TracedFlow", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert done.returncode == 2
    assert "OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' is not http/protobuf" in done.stderr
