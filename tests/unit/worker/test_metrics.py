"""Metrics of a worker: how many time series there can be."""

from __future__ import annotations

import re

from monitoring import rules
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig

from mftctl.model.attempt import Attempt
from mftctl.model.task import Task, TaskRef
from mftctl.worker import metrics
from mftctl.worker.metrics import METRICS, OTHER, Metrics


def test_steps_beyond_the_limit_share_their_series(monkeypatch) -> None:
    """So a worker of many flows exports a bounded number; what was known before stays as it is."""
    monkeypatch.setattr(metrics, "MAX_STEPS", 2)
    buffer = MetricBuffer(1000)
    runtime = Runtime(telemetry=TelemetryConfig(logging=None, metrics=buffer))
    counted = Metrics(runtime.metric_meter)
    for step in ("a", "b", "c", "d", "a"):
        with counted.attempt(Attempt("F", "r", Task(TaskRef(step)), 0), 1.0) as end:
            end.ends("completed")
    found = [one.attributes for one in buffer.retrieve_updates() if one.metric.name == "mftctl_tasks"]
    assert [one["step"] for one in found] == ["a", "b", OTHER, OTHER, "a"]
    assert [one["flow"] for one in found] == ["F", "F", OTHER, OTHER, "F"]


def test_names_are_as_prometheus_wants_them() -> None:
    """The SDK's exporter adds these suffixes."""
    suffixes = {"counter": "_total", "histogram": "_seconds", "gauge": ""}
    assert [metric.name for metric in METRICS] == [metric.stem + suffixes[metric.kind] for metric in METRICS]


def test_what_alerts_wait_for_is_there_before_it_happens() -> None:
    """`increase()` of a series that begins with its first event is 0, so such counters have no labels.

    That a worker exports them from its start, the alerts' end-to-end test shows.
    """
    increasing = {name for rule in rules() for name in re.findall(r"increase\((\w+)", rule["expr"])}
    assert len(increasing) == 4
    assert increasing <= {one.name for one in METRICS if one.kind == "counter" and not one.labels}


def test_a_lost_attempt_counts_for_the_alert() -> None:
    """And one that the worker could not start; others do not."""
    buffer = MetricBuffer(1000)
    counted = Metrics(Runtime(telemetry=TelemetryConfig(logging=None, metrics=buffer)).metric_meter)
    for state in ("lost", "not_run", "failed", "completed"):
        with counted.attempt(Attempt("F", "r", Task(TaskRef("a")), 0), 1.0) as end:
            end.ends(state)
    found = [(one.metric.name, one.value) for one in buffer.retrieve_updates() if one.value]
    assert [one for one in found if one[0].endswith("_attempts") and one[0] != "mftctl_attempts"] == [
        ("mftctl_lost_attempts", 1),
        ("mftctl_refused_attempts", 1),
    ]
