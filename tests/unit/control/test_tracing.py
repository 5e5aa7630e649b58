"""Whether spans are exported, and what becomes of those that cannot be."""

from __future__ import annotations

import threading
import time

import otlp
import pytest

from mftctl.control import trace_settings
from mftctl.model.errors import UsageError
from mftctl.model.trace_context import TraceContext

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {ENDPOINT: ""},
        {ENDPOINT: "http://localhost:4318", "OTEL_SDK_DISABLED": "true"},
        {ENDPOINT: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_traced_unless_an_endpoint_is_named(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or where OpenTelemetry is turned off."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert trace_settings.tracer(print) is None


def test_a_protocol_that_is_not_ours_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable and its value."""
    monkeypatch.setenv(ENDPOINT, "http://localhost:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")
    with pytest.raises(UsageError, match="OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc' is not http/protobuf"):
        trace_settings.tracer(print)


def test_a_collector_that_is_away_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends within the limit, and says why spans are lost."""
    from mftctl.control import tracing  # 150 ms

    monkeypatch.setattr(tracing, "FLUSH", 0.5)
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    said: list[str] = []
    found = trace_settings.tracer(said.append)
    assert found is not None
    found.record("x", found.new(), None, (1.0, 2.0), {})
    began = time.monotonic()
    found.close()
    assert time.monotonic() - began < 5
    for flushing in [one for one in threading.enumerate() if "force_flush" in one.name]:
        flushing.join(5)
        assert not flushing.is_alive(), "it is not tried again"
    assert said[0].startswith("traces cannot be exported: ")
    found.problem("other")
    found.problem("other")
    assert said.count("traces cannot be exported: other") == 1


def test_the_sampler_decides_for_runs_without_a_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """All spans of a run are exported, or none; a caller has decided for its runs."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    with otlp.receiver() as receiver:
        monkeypatch.setenv(ENDPOINT, receiver.url)
        found = trace_settings.tracer(print)
        assert found is not None
        run = found.run("r", None)
        assert not run.sampled
        assert not found.within(run).sampled
        found.record("run", run, None, (1.0, 2.0), {})
        found.record("task", found.within(run), run, (1.0, 2.0), {})
        caller = TraceContext(1, 2)
        found.record("called", found.run("r", caller), caller, (1.0, 2.0), {})
        found.close()
    assert [span.name for span in receiver.spans] == ["called"]
