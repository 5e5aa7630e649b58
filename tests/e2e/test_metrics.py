"""`mftctl worker --metrics` and `--log-format json`: what a real worker exports and writes while it runs flows."""

from __future__ import annotations

import http.client
import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from monitoring import expressions, selectors

from mftctl.cli import schema
from mftctl.worker.metrics import METRICS

FLOW = """
import os, time
from metaflow import FlowSpec, Parameter, current, retry, step

class MeasuredFlow(FlowSpec):
    bad = Parameter("bad", default=False, type=bool)
    hold = Parameter("hold", default="")

    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        print("work")
        if current.retry_count == 0 and self.input > 1:
            raise ValueError("at first")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        if self.bad:
            raise ValueError("bad")
        while os.path.exists(self.hold):
            time.sleep(0.05)

if __name__ == "__main__":
    MeasuredFlow()
"""
#: Where it fails.
LINE = FLOW.strip().splitlines().index('            raise ValueError("bad")') + 2
STEPS = [("start",), ("work",), ("join",), ("end",)]
SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')


def check(line: dict[str, Any]) -> None:
    """A line of a log has the keys of the schema alone."""
    jsonschema.validate(line, {**(schema.get("log") or {}), "additionalProperties": False})


class Worker:
    """A worker that serves metrics, and what it answers."""

    def __init__(self, place, *arguments: str) -> None:
        self.log: Path = place.worker(*arguments, MFTCTL_METRICS="127.0.0.1:0", MFTCTL_LOG_FORMAT="json")
        self.process = place.processes[-1]
        found = re.search(r"metrics at http://(.*):(\d+)/metrics", self.log.read_text())
        assert found is not None
        self.address = found[1], int(found[2])
        self.runs: list[str] = []

    def lines(self) -> list[dict[str, Any]]:
        """The lines of its log, all of which are as the schema says."""
        lines = [json.loads(line) for line in self.log.read_text("utf-8").splitlines()]
        for line in lines:
            check(line)
        return lines

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def samples(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Values by name and labels."""
        status, text = self.get("/metrics")
        assert status == 200, text
        lines = (SAMPLE.fullmatch(line) for line in text.splitlines() if line and line[0] != "#")
        return {(one[1], frozenset(LABEL.findall(one[2] or ""))): float(one[3]) for one in lines if one}

    def values(self, name: str, *keys: str) -> dict[tuple[str, ...], float]:
        """Values of a metric by these labels."""
        found = {}
        for (named, labels), value in self.samples().items():
            if named == name:
                given = dict(labels)
                found[tuple(given[key] for key in keys)] = value
        return found


@pytest.fixture(scope="module")
def worker(lodging) -> Iterator[Worker]:
    """A worker that has run a run that ends well and one that does not."""
    file = lodging.flow("measured_flow.py", FLOW)
    assert lodging.run("deploy", str(file)).returncode == 0
    worker = Worker(lodging, "MeasuredFlow", "--concurrency", "2")
    worker.runs = [
        lodging.run("trigger", "MeasuredFlow", f"bad={bad}", "-o", "name").stdout.strip()
        for bad in ("true", "false")
    ]
    assert [lodging.run("runs", "watch", run).returncode for run in worker.runs] == [3, 0]
    return worker


def test_the_metrics_equal_what_ran(worker: Worker) -> None:
    """Tasks, attempts, times and logs are counted once each, with the labels that the table names."""
    attempts = worker.values("mftctl_attempts_total", "step", "state", "attempt")
    assert attempts == {
        ("start", "completed", "0"): 2,
        ("work", "completed", "0"): 2,
        ("work", "failed", "0"): 2,
        ("work", "completed", "1"): 2,
        ("join", "completed", "0"): 2,
        ("end", "completed", "0"): 1,
        ("end", "failed", "0"): 1,
    }
    tasks = worker.values("mftctl_tasks_total", "step", "state")
    assert tasks == {
        ("start", "completed"): 2,
        ("work", "completed"): 4,
        ("join", "completed"): 2,
        ("end", "completed"): 1,
        ("end", "failed"): 1,
    }
    for what in ("queue", "start", "run"):
        counts = worker.values(f"mftctl_attempt_{what}_seconds_count", "step")
        assert counts == {("start",): 2, ("work",): 6, ("join",): 2, ("end",): 2}
        assert all(
            value > 0 for value in worker.values(f"mftctl_attempt_{what}_seconds_sum", "step").values()
        )
    assert set(worker.values("mftctl_tasks_running", "step").values()) == {0}
    logs = worker.values("mftctl_log_bytes_total", "step")
    assert logs["work",] > 6 * len("work\n")
    assert logs["start",] == 0


def test_each_metric_is_exported_as_the_table_says(worker: Worker) -> None:
    """Name, kind and labels; and the SDK's own beside ours."""
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", worker.get("/metrics")[1], re.MULTILINE))
    ours = {name: kind for name, kind in kinds.items() if name.startswith("mftctl_")}
    assert ours == {
        metric.name: metric.kind for metric in METRICS if metric.name != "mftctl_exit_hooks_total"
    }
    labels: dict[str, set[str]] = {}
    for name, given in worker.samples():
        stem = re.sub("_(bucket|sum|count)$", "", name)
        labels.setdefault(stem, set()).update(key for key, _ in given if key != "le")
    assert {name: labels[name] for name in ours} == {
        metric.name: set(metric.labels) for metric in METRICS if metric.name in ours
    }
    assert kinds["temporal_request_total"] == "counter"
    assert kinds["temporal_workflow_task_execution_latency_seconds"] == "histogram"


def test_gauges_say_what_the_worker_has(worker: Worker) -> None:
    """Slots, hosts, memory, task queues."""
    assert worker.values("mftctl_slots_free")[()] == 2
    assert worker.values("mftctl_slots_used")[()] == 0
    assert worker.values("mftctl_hosts")[()] == 1
    assert (
        10e6
        < worker.values("mftctl_hosts_memory_bytes")[()]
        < worker.values("mftctl_hosts_memory_limit_bytes")[()]
    )
    assert worker.values("mftctl_task_queues", "state") == {("polled",): 1, ("failing",): 0}
    assert worker.values("mftctl_ready")[()] == 1


def test_the_dashboard_and_the_alerts_name_what_is_exported(worker: Worker) -> None:
    """Each metric in an expression, with the labels that it asks for, is one of this worker's."""
    exported: dict[str, set[str]] = {}
    for name, labels in worker.samples():
        exported.setdefault(name, {"instance", "job"}).update(key for key, _ in labels)
    asked: set[str] = set()
    for expression in expressions():
        for found in selectors(expression):
            if found.name != "up":  # Prometheus' own
                assert found.name in exported, expression
                assert {one.name for one in found.matchers.matchers} <= exported[found.name], expression
                asked.add(found.name)
    assert len(asked) > 15


def test_probes_and_other_paths(worker: Worker) -> None:
    """Both probes answer 200; a path that is none says which there are."""
    assert worker.get("/healthz") == (200, "ok\n")
    assert worker.get("/readyz") == (200, "ok\n")
    assert worker.get("/")[0] == 404
    assert "/metrics" in worker.get("/nothing")[1]


def test_each_line_of_the_log_is_an_object(worker: Worker) -> None:
    """As `mftctl schema log` says; lines about a task have the ids of its run, step, task and attempt."""
    lines = worker.lines()
    told = [
        (line["run_id"], line["step"], line["attempt"], line["event"], line["level"])
        for line in lines
        if line.get("step") in {"work", "end"}
    ]
    bad, good = worker.runs
    assert set(told) == {
        *((run, "work", 0, "task_started", "info") for run in worker.runs),
        *((run, "work", 0, "task_finished", "info") for run in worker.runs),
        *((run, "work", 0, "task_failed", "warning") for run in worker.runs),
        *((run, "work", 1, "task_started", "info") for run in worker.runs),
        *((run, "work", 1, "task_finished", "info") for run in worker.runs),
        *((run, "end", 0, "task_started", "info") for run in worker.runs),
        (bad, "end", 0, "task_failed", "error"),
        (good, "end", 0, "task_finished", "info"),
    }
    assert len(told) == 2 * 2 + 4 * 2 + 2 * 2
    failed = [line for line in lines if line.get("event") == "task_failed"]
    assert {"next_attempt" in line for line in failed if line["step"] == "work"} == {True}
    assert [line["message"] for line in failed if line["step"] == "end"] == [
        f"MeasuredFlow/{bad}/end/temporal-end-0 failed: ValueError: bad (measured_flow.py:{LINE} in end)"
    ]


def test_a_worker_that_shuts_down_is_alive_but_not_ready(worker: Worker, lodging, wait_until) -> None:
    """Until its last task has ended, which its metrics show; what it says then is of the same form."""
    hold = lodging.folder / "hold"
    hold.touch()
    assert lodging.run("trigger", "MeasuredFlow", f"hold={hold}").returncode == 0
    wait_until(
        lambda: worker.values("mftctl_tasks_running", "step") == {**dict.fromkeys(STEPS, 0), ("end",): 1},
        "only the last task runs",
    )
    assert worker.values("mftctl_slots_used")[()] == worker.values("mftctl_slots_free")[()] == 1
    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: worker.get("/readyz") == (503, "the worker is shutting down\n"), "it is not ready")
    assert worker.get("/healthz") == (200, "ok\n")
    assert worker.values("mftctl_ready")[()] == 0
    hold.unlink()
    assert worker.process.wait(60) == 0
    said, finished = worker.lines()[-2:]
    assert said["message"] == "Worker shutting down gracefully."
    assert (finished["event"], finished["step"]) == ("task_finished", "end")


def test_an_error_that_ends_a_worker_is_a_line_as_well(lodging) -> None:
    """With its code."""
    done = lodging.run("worker", "nobody", "--log-format", "json")
    assert done.returncode == 4
    line = json.loads(done.stderr)
    check(line)
    assert (line["level"], line["code"]) == ("error", "deployment.unknown")
