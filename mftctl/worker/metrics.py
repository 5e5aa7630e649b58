"""The metrics of a worker and its tasks, made with the SDK's meter: its exporter writes them beside the SDK's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from temporalio.common import MetricMeter

from .. import __version__
from ..model.attempt import Attempt
from ..model.attempt_result import ProcessFigures

#: How an attempt ended, as values of the label ``state``; ``kept``: a resumed run kept an earlier result of the task;
#: ``dropped``: the server no longer has it, for example because its run was terminated; ``not_run``: the worker could
#: not start it, for example because its flow cannot be loaded there.
State = Literal["completed", "kept", "failed", "lost", "dropped", "cancelled", "not_run"]
#: Steps with time series of their own. Later ones share the series of OTHER: a worker of many flows stays readable.
MAX_STEPS = 200
OTHER = "(other)"
#: Upper bounds of the buckets of all histograms, in seconds.
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)

_STEP = ("flow", "step")
#: Counters, by states of attempts, for alerts.
_ALARMING: dict[State, str] = {
    "lost": "mftctl_lost_attempts_total",
    "not_run": "mftctl_refused_attempts_total",
}


@dataclass(frozen=True)
class Metric:
    """A metric by the name that is exported; histograms are in seconds."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str

    @property
    def stem(self) -> str:
        """Its name in the SDK, whose exporter adds the suffix."""
        suffix = {"counter": "_total", "histogram": "_seconds", "gauge": ""}[self.kind]
        return self.name.removesuffix(suffix)


METRICS = (
    Metric(
        "mftctl_tasks_total",
        "counter",
        (*_STEP, "state"),
        "Tasks whose last attempt ended on this worker: completed, kept, failed or cancelled",
    ),
    Metric(
        "mftctl_attempts_total",
        "counter",
        (*_STEP, "state", "attempt"),
        "Attempts that ended on this worker: completed, kept, failed, lost, dropped, cancelled or not_run; "
        "the first attempt is 0",
    ),
    Metric(
        "mftctl_failed_tasks_total",
        "counter",
        (),
        "Tasks that failed for good; there from the start, so that an alert sees the first one",
    ),
    Metric(
        "mftctl_lost_attempts_total",
        "counter",
        (),
        "Attempts whose process was killed or lost; there from the start, so that an alert sees the first one",
    ),
    Metric(
        "mftctl_refused_attempts_total",
        "counter",
        (),
        "Attempts that the worker could not start (not_run); there from the start, as well",
    ),
    Metric("mftctl_tasks_running", "gauge", _STEP, "Tasks that run now"),
    Metric(
        "mftctl_attempt_queue_seconds",
        "histogram",
        _STEP,
        "Time from when an attempt could start until it had a slot of the worker",
    ),
    Metric(
        "mftctl_attempt_start_seconds",
        "histogram",
        _STEP,
        "Time from the slot until the task's process was started (forked); a flow's first import is part of it",
    ),
    Metric("mftctl_attempt_run_seconds", "histogram", _STEP, "Time that the task's process ran"),
    Metric("mftctl_log_bytes_total", "counter", _STEP, "Bytes of log that attempts left in the datastore"),
    Metric(
        "mftctl_exit_hooks_total",
        "counter",
        ("flow", "state"),
        "Functions of @exit_hook that ran: completed or failed",
    ),
    Metric(
        "mftctl_stuck_runs_total",
        "counter",
        (),
        "Errors of workflow tasks that hold a run up, each once for a run",
    ),
    Metric(
        "mftctl_ready",
        "gauge",
        (),
        "1 if the worker has a connection to the server and polls all its task queues, else 0, as /readyz says",
    ),
    Metric(
        "mftctl_draining",
        "gauge",
        (),
        "1 once the worker was told to stop: it finishes its tasks, and takes no new one",
    ),
    Metric("mftctl_slots_used", "gauge", (), "Slots that tasks and exit hooks have now"),
    Metric("mftctl_slots_free", "gauge", (), "Slots that are free now"),
    Metric("mftctl_hosts", "gauge", (), "Hosts (processes that have imported a flow) that run now"),
    Metric("mftctl_hosts_memory_bytes", "gauge", (), "Memory that all hosts take now, without their tasks"),
    Metric(
        "mftctl_hosts_memory_limit_bytes",
        "gauge",
        (),
        "Memory above which the worker ends idle hosts",
    ),
    Metric(
        "mftctl_task_queues",
        "gauge",
        ("state",),
        "Task queues of the worker: polled, or failing, which are retried",
    ),
    Metric(
        "mftctl_unserved_task_queues",
        "gauge",
        (),
        "Task queues in which tasks of open runs wait and that no worker serves; asked once a minute",
    ),
    Metric("mftctl_worker_info", "gauge", ("version",), "Always 1; the version of mftctl"),
)


@dataclass
class AttemptEnd:
    """How an attempt ended; ``final``: no other attempt follows. Times in seconds, None for what did not happen."""

    state: State = "cancelled"
    final: bool = True
    starting: float | None = None
    running: float | None = None
    log_bytes: int = 0
    message: str = ""

    def ends(self, state: State, *, final: bool = True, message: str = "") -> None:
        """It ended like this."""
        self.state, self.final, self.message = state, final, message

    def measured(self, waited: float, process: ProcessFigures) -> None:
        """Take what its supervisor has measured, which was asked after ``waited`` seconds."""
        self.starting, self.running = waited + process.prepared, process.ran
        self.log_bytes = process.log_bytes


@dataclass(frozen=True)
class WorkerState:
    """What a worker has now."""

    slots_used: int
    slots_free: int
    hosts: int
    hosts_memory: int
    hosts_memory_limit: int
    polled: int
    failing: int


class Metrics:
    """Counts what happens. With the meter of a runtime without an exporter, the default, it does nothing."""

    def __init__(self, meter: MetricMeter = MetricMeter.noop) -> None:
        self._counters, self._gauges, self._histograms = {}, {}, {}
        for metric in METRICS:
            if metric.kind == "counter":
                self._counters[metric.name] = meter.create_counter(metric.stem, metric.help)
            elif metric.kind == "gauge":
                self._gauges[metric.name] = meter.create_gauge(metric.stem, metric.help)
            else:
                self._histograms[metric.name] = meter.create_histogram_timedelta(metric.stem, metric.help)
        self._steps: dict[tuple[str, str], dict[str, str]] = {}
        self._running: Counter[tuple[str, str]] = Counter()
        self._set("mftctl_worker_info", 1, {"version": __version__})
        # `increase()` of a series that begins with its first event is 0.
        for name in ("mftctl_stuck_runs_total", "mftctl_failed_tasks_total", *_ALARMING.values()):
            self._add(name, 0, {})

    @contextmanager
    def attempt(self, attempt: Attempt, queued: float) -> Iterator[AttemptEnd]:
        """An attempt that has a slot, after ``queued`` seconds; the block sets how it ended."""
        labels = self._labels(attempt.flow, attempt.task.ref.step)
        self._observe("mftctl_attempt_queue_seconds", queued, labels)
        self._run(labels, 1)
        end = AttemptEnd()
        try:
            yield end
        finally:
            self._run(labels, -1)
            self._ended(labels, attempt.number, end)

    def hook(self, flow: str, *, ok: bool) -> None:
        """A function of @exit_hook ran."""
        known = self._labels(flow, "")["flow"]
        self._add("mftctl_exit_hooks_total", 1, {"flow": known, "state": "completed" if ok else "failed"})

    def stuck(self) -> None:
        """A run is held up by an error of its workflow tasks."""
        self._add("mftctl_stuck_runs_total", 1, {})

    def worker(self, state: WorkerState, *, ready: bool, draining: bool) -> None:
        """Set what the worker has now; the slots of one that is ``draining`` are not free."""
        self._set("mftctl_ready", int(ready))
        self._set("mftctl_draining", int(draining))
        self._set("mftctl_slots_used", state.slots_used)
        self._set("mftctl_slots_free", 0 if draining else state.slots_free)
        self._set("mftctl_hosts", state.hosts)
        self._set("mftctl_hosts_memory_bytes", state.hosts_memory)
        self._set("mftctl_hosts_memory_limit_bytes", state.hosts_memory_limit)
        self._set("mftctl_task_queues", state.polled, {"state": "polled"})
        self._set("mftctl_task_queues", state.failing, {"state": "failing"})

    def unserved(self, task_queues: int) -> None:
        """Set in how many task queues tasks wait though no worker serves them."""
        self._set("mftctl_unserved_task_queues", task_queues)

    def _ended(self, labels: dict[str, str], number: int, end: AttemptEnd) -> None:
        self._add("mftctl_attempts_total", 1, {**labels, "state": end.state, "attempt": str(number)})
        if end.state in _ALARMING:
            self._add(_ALARMING[end.state], 1, {})
        if end.final:
            state = "failed" if end.state in {"lost", "not_run"} else end.state
            self._add("mftctl_tasks_total", 1, {**labels, "state": state})
            self._add("mftctl_failed_tasks_total", int(state == "failed"), {})
        if end.starting is not None:
            self._observe("mftctl_attempt_start_seconds", end.starting, labels)
        if end.running is not None:
            self._observe("mftctl_attempt_run_seconds", end.running, labels)
            self._add("mftctl_log_bytes_total", end.log_bytes, labels)

    def _run(self, labels: dict[str, str], change: int) -> None:
        key = labels["flow"], labels["step"]
        self._running[key] += change
        self._set("mftctl_tasks_running", self._running[key], labels)

    def _labels(self, flow: str, step: str) -> dict[str, str]:
        known = self._steps.get((flow, step))
        if known is None:
            if len(self._steps) >= MAX_STEPS:
                return {"flow": OTHER, "step": OTHER}
            known = self._steps[flow, step] = {"flow": flow, "step": step}
        return known

    def _add(self, name: str, value: int, labels: dict[str, str]) -> None:
        self._counters[name].add(value, labels)

    def _set(self, name: str, value: int, labels: dict[str, str] | None = None) -> None:
        self._gauges[name].set(value, labels)

    def _observe(self, name: str, seconds: float, labels: dict[str, str]) -> None:
        self._histograms[name].record(timedelta(seconds=max(0.0, seconds)), labels)
