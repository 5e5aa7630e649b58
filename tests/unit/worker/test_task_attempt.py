"""Attempts in process: what Temporal gets of their end, and when there is another one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from supervising import client, launch
from temporalio.activity import ActivityCancellationDetails
from temporalio.common import MetricMeter, RawValue
from temporalio.exceptions import ApplicationError
from temporalio.runtime import MetricBuffer, MetricBufferDurationFormat, Runtime, TelemetryConfig
from temporalio.testing import ActivityEnvironment

from mftctl.engine.payloads import HookInput
from mftctl.interpreter.client import ProcessEnded
from mftctl.interpreter.inside.protocol import PLAIN
from mftctl.model.errors import MftctlError
from mftctl.model.manifest import MAX_ATTEMPTS
from mftctl.model.task import Input, Task, TaskInput, TaskRef
from mftctl.worker import task_activity
from mftctl.worker.flow_host import Supervisor
from mftctl.worker.metrics import Metrics
from mftctl.worker.observer import Observer
from mftctl.worker.slots import Slots
from mftctl.worker.task_activity import TaskActivity

HEARTBEATS: Any = SimpleNamespace(began=lambda *_: None, ended=lambda *_: None)


class Recorder(Observer):
    """An observer that keeps what it gets."""

    wants_lines = True

    def __init__(self) -> None:
        self.events: list[str] = []
        self.going = asyncio.Event()

    def started(self, *_: Any) -> None:
        self.events.append("started")

    def line(self, *given: Any) -> None:
        self.events.append(given[2])
        self.going.set()

    def finished(self, *_: Any) -> None:
        self.events.append("finished")

    def failed(self, *given: Any, **_: Any) -> None:
        self.events.append(given[1])

    def cancelled(self, *_: Any) -> None:
        self.events.append("cancelled")


class StandIn:
    """Hosts whose supervisors end a request in the same way every time."""

    def __init__(self, end: BaseException | dict[str, Any], loads: bool = True) -> None:
        self._end = end
        self._loads = loads

    async def supervisor(self, _: Any, **__: Any) -> Any:
        if not self._loads:
            raise self._end  # type: ignore[misc]
        return self

    def file(self, _: Any) -> str:
        return "f.py"

    async def request(self, *_: Any, **__: Any) -> dict[str, Any]:
        if isinstance(self._end, BaseException):
            raise self._end
        return self._end


FIGURES = {"prepared": 0.5, "ran": 2.5, "log_bytes": 7}
DONE = {"state": "succeeded", "outcome": {}, "artifacts": []}
FAILED = {"state": "failed", "message": "x", "log": []}


def given(root: Path, code: str = "") -> dict[str, Any]:
    """The payload of a task that executes ``code``."""
    task = Task(TaskRef("work", (1,)), (Input(TaskRef("start")),))
    return TaskInput(launch(root), "r", task, variables={"CODE": code}).to_plain()


async def attempt(
    hosts: Any,
    plain: dict[str, Any],
    number: int = 0,
    earlier: Any = (),
    recorder: Observer | None = None,
    meter: MetricMeter = MetricMeter.noop,
    *,
    enforce_memory: bool = False,
) -> Any:
    """One attempt as Temporal starts it; ``earlier``: what the heartbeats of those before carried."""
    env = ActivityEnvironment()
    env.info = replace(env.info, attempt=number + 1, heartbeat_details=[list(earlier)])
    observer, metrics = recorder or Recorder(), Metrics(meter)
    tasks = TaskActivity(hosts, Slots(1), observer, HEARTBEATS, metrics, enforce_memory=enforce_memory)
    payload = env.payload_converter.to_payload(plain)
    return await env.run(tasks.run, [RawValue(payload)])  # type: ignore[arg-type]


def delays(hosts: Any, plain: dict[str, Any], *, lost: bool = False) -> list[float]:
    """Seconds before each next attempt when all of them end alike."""

    async def whole() -> list[float]:
        found, earlier = [], []
        for number in range(MAX_ATTEMPTS):
            with pytest.raises(ApplicationError) as failed:
                await attempt(hosts, plain, number, earlier)
            assert not failed.value.non_retryable
            delay = failed.value.next_retry_delay or timedelta()
            found.append(delay.total_seconds())
            earlier.append({"number": number, "began": 1.0, "ended": 2.0, "message": "", "lost": lost})
        return found[:-1]

    return asyncio.run(whole())


def test_a_task_that_is_lost_again_and_again_waits_longer(tmp_path):
    """At once after the first loss; then longer each time, so that six attempts are not gone within seconds."""
    assert delays(StandIn(ProcessEnded()), given(tmp_path), lost=True) == [0.001, 5, 10, 20, 40]


def test_a_loss_after_failures_is_the_first(tmp_path):
    """What failed by itself before counts for nothing there."""
    assert delays(StandIn(ProcessEnded()), given(tmp_path), lost=False) == [0.001] * 5


@pytest.mark.parametrize(
    "hosts",
    [StandIn(MftctlError("no room")), StandIn(MftctlError("no room"), loads=False)],
    ids=["fork", "load"],
)
def test_what_the_machine_cannot_do_waits(tmp_path, hosts):
    """A task, or a function of @exit_hook, that finds no process, disk or package here is tried again later."""
    assert delays(hosts, given(tmp_path)) == [5, 10, 20, 40, 80]
    assert delays(hosts, HookInput(launch(tmp_path), "r", "bye").to_plain()) == [5, 10, 20, 40, 80]


@pytest.mark.parametrize(
    ("hosts", "number", "counted"),
    [
        (StandIn(DONE | {"figures": FIGURES}), 0, "completed"),
        (StandIn(DONE), 0, "kept"),
        (StandIn(FAILED | {"figures": FIGURES}), 0, "failed"),
        (StandIn(ProcessEnded()), MAX_ATTEMPTS - 1, "lost"),
        (StandIn(MftctlError("no room"), loads=False), MAX_ATTEMPTS - 1, "not_run"),
        (StandIn({"state": "lost", "figures": FIGURES}), 1, "lost"),
        (StandIn(ProcessEnded()), 1, "lost"),
    ],
)
def test_each_end_of_an_attempt_is_counted_once(tmp_path, hosts, number, counted):
    """With its state and number; its task, too, if no attempt follows; times and log only of a process that ran."""
    updates = counts(lambda meter: attempt(hosts, given(tmp_path), number, meter=meter))
    ended = [one for one in updates if one[0] == "mftctl_attempts"]
    labels = {"flow": "F", "step": "work"}
    assert ended == [("mftctl_attempts", 1, {**labels, "state": counted, "attempt": str(number)})]
    tasks = [one[2]["state"] for one in updates if one[0] == "mftctl_tasks"]
    final = number in {0, MAX_ATTEMPTS - 1}
    assert tasks == (["failed" if counted in {"lost", "not_run"} else counted] if final else [])
    assert [one[1] for one in updates if one[0] == "mftctl_tasks_running"] == [1, 0]
    ran = [one[1] for one in updates if one[0] == "mftctl_attempt_run"]
    assert ran == ([2.5] if "figures" in str(hosts.__dict__) else [])


def test_a_cancelled_attempt_is_counted(tmp_path):
    """Its task ends with it."""

    async def cancelled(meter: MetricMeter) -> None:
        running = asyncio.create_task(attempt(Endless({}), given(tmp_path), meter=meter))
        for _ in range(5):
            await asyncio.sleep(0)
        running.cancel()
        await running

    tasks = [labels["state"] for name, _, labels in counts(cancelled) if name == "mftctl_tasks"]
    assert tasks == ["cancelled"]


@pytest.mark.parametrize("end", [ProcessEnded(), {"state": "lost"}], ids=["killed", "stopped"])
def test_an_attempt_that_the_server_no_longer_has_is_not_lost(tmp_path, monkeypatch, end):
    """Its run was terminated: nothing runs again, and it does not count as lost."""
    gone = ActivityCancellationDetails(not_found=True)
    monkeypatch.setattr(task_activity.activity, "cancellation_details", lambda: gone)
    recorder = Recorder()

    async def dropped(meter: MetricMeter) -> None:
        with pytest.raises(asyncio.CancelledError):
            await attempt(StandIn(end), given(tmp_path), recorder=recorder, meter=meter)

    updates = counts(dropped)
    assert [one[2]["state"] for one in updates if one[0] == "mftctl_attempts"] == ["dropped"]
    assert not [one for one in updates if one[0] in {"mftctl_tasks", "mftctl_lost_attempts"} and one[1]]
    assert recorder.events == ["started", "cancelled"]


def test_an_exit_hook_is_counted(tmp_path):
    """By its flow and whether it ended well."""
    hook = HookInput(launch(tmp_path), "r", "bye").to_plain()
    for ok, state in ((True, "completed"), (False, "failed")):
        hosts = StandIn({"ok": ok, "output": []})
        updates = counts(lambda meter, hosts=hosts: attempt(hosts, hook, meter=meter))
        assert ("mftctl_exit_hooks", 1, {"flow": "F", "state": state}) in updates


def counts(
    work: Callable[[MetricMeter], Coroutine[Any, Any, Any]],
) -> list[tuple[str, float, dict[str, Any]]]:
    """The updates of metrics that an attempt makes, however it ends: name, value, labels."""
    buffer = MetricBuffer(1000, duration_format=MetricBufferDurationFormat.SECONDS)
    runtime = Runtime(telemetry=TelemetryConfig(logging=None, metrics=buffer, attach_service_name=False))

    async def whole() -> None:
        with suppress(ApplicationError, asyncio.CancelledError):
            await work(runtime.metric_meter)

    asyncio.run(whole())
    return [(one.metric.name, one.value, dict(one.attributes)) for one in buffer.retrieve_updates()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("enforces", [True, False])
def test_memory_is_a_limit_where_the_worker_enforces_it(tmp_path, enforces):
    """A task that takes more than its @resources asks for fails there, and runs on elsewhere."""
    seconds = 60 if enforces else 1
    code = f"import time; taken = bytearray(100 * 1024**2); time.sleep({seconds})"
    plain = given(tmp_path, code) | {"memory": 50}

    async def whole() -> Any:
        async with client(tmp_path) as found:
            host: Any = SimpleNamespace(idle={PLAIN: []}, take_back=lambda: None)

            async def supervisor(_: Any, **__: Any) -> Supervisor:
                return Supervisor(found, host, PLAIN)

            return await attempt(SimpleNamespace(supervisor=supervisor), plain, enforce_memory=enforces)

    if not enforces:
        assert asyncio.run(whole())["task"] == "F/r/work/temporal-work-1"
        return
    with pytest.raises(ApplicationError, match=r"out of memory: asked 50M, used \d+M, and was stopped"):
        asyncio.run(whole())


def test_a_final_failure_is_reported_once(tmp_path):
    """Temporal does not try it again, and its message and log are the task's."""
    recorder = Recorder()
    end = {"state": "failed", "message": "ImportError: x", "log": ["Traceback", "ImportError: x"]}
    with pytest.raises(ApplicationError, match=r"step work.* failed: ImportError: x") as failed:
        asyncio.run(attempt(StandIn(end), given(tmp_path), recorder=recorder))
    assert failed.value.non_retryable
    assert failed.value.details[0]["log"] == end["log"]
    assert recorder.events == ["started", "ImportError: x"]


SLEEPING = "import time; print('going', flush=True); time.sleep(60)"
ENDING = (
    "import os, signal; signal.signal(15, lambda *_: os._exit(0)); print('going', flush=True); signal.pause()"
)


@pytest.mark.parametrize("code", [SLEEPING, ENDING], ids=["sleeping", "ending"])
def test_a_cancel_stops_the_task_and_frees_the_supervisor(tmp_path, code):
    """What runs is stopped, the observer gets that, and the supervisor is idle again."""

    async def whole() -> list[str]:
        recorder = Recorder()
        async with client(tmp_path) as found:
            kept: list[Supervisor] = []
            host: Any = SimpleNamespace(idle={PLAIN: kept}, take_back=lambda: None)

            async def supervisor(_: Any, **__: Any) -> Supervisor:
                return Supervisor(found, host, PLAIN)

            hosts = SimpleNamespace(supervisor=supervisor)
            running = asyncio.create_task(attempt(hosts, given(tmp_path, code), recorder=recorder))
            await recorder.going.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert len(kept) == 1
        return recorder.events

    events = asyncio.run(whole())
    assert events[:2] == ["started", "going"]
    assert events[-1] == "cancelled"


class Late(StandIn):
    """Its task has ended when the stop comes."""

    async def request(self, *_: Any, **options: Any) -> dict[str, Any]:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            options["stop"]()
        return await super().request()


def test_a_result_that_is_there_wins_over_a_cancel(tmp_path):
    """A task that has ended well by the time of its cancel has ended well, to Temporal too."""

    async def whole() -> Any:
        recorder = Recorder()
        end = DONE | {"outcome": {"next": ["end"]}}
        running = asyncio.create_task(attempt(Late(end), given(tmp_path), recorder=recorder))
        await asyncio.sleep(0)
        while "started" not in recorder.events:  # noqa: ASYNC110 - a few turns of the loop
            await asyncio.sleep(0)
        running.cancel()
        assert (await running)["outcome"] == end["outcome"]
        return recorder.events

    assert asyncio.run(whole()) == ["started", "finished"]


class Endless(StandIn):
    """Its task runs until it is stopped."""

    async def request(self, *_: Any, **__: Any) -> dict[str, Any]:
        await asyncio.sleep(60)
        return self._end  # type: ignore[return-value]


def test_a_task_that_comes_while_the_worker_stops_is_stopped(tmp_path):
    """As those that ran: another worker runs it, and it uses up no retry."""

    async def whole() -> None:
        env = ActivityEnvironment()
        tasks = TaskActivity(Endless({}), Slots(1), Recorder(), HEARTBEATS, Metrics())  # type: ignore[arg-type]
        tasks.stop_all()
        payload = env.payload_converter.to_payload(given(tmp_path))
        with pytest.raises(asyncio.CancelledError):
            await env.run(tasks.run, [RawValue(payload)])  # type: ignore[arg-type]

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("details", "again"),
    [
        ({"paused": True}, True),
        ({"reset": True}, True),
        ({"not_found": True}, True),
        ({"cancel_requested": True}, False),
    ],
)
def test_an_attempt_that_somebody_pauses_runs_again(monkeypatch, details, again):
    """Paused or reset in Temporal's UI, it uses up no retry, and @catch does not take it for a failure."""
    monkeypatch.setattr(
        task_activity.activity, "cancellation_details", lambda: ActivityCancellationDetails(**details)
    )
    tasks = TaskActivity(Endless({}), Slots(1), Recorder(), HEARTBEATS, Metrics())  # type: ignore[arg-type]
    assert tasks._runs_again() is again


@pytest.mark.parametrize(("earlier", "number"), [((), 0), (({"number": 0}, {"number": 1, "ended": 2.0}), 2)])
def test_an_activity_that_somebody_resets_goes_on_counting(tmp_path, earlier, number):
    """Temporal counts from 1 again; Metaflow takes the artifacts of the highest attempt."""
    asked = []

    class Asked(StandIn):
        async def request(self, _: str, fields: dict[str, Any], **__: Any) -> dict[str, Any]:
            asked.append(fields["task"].get("attempt", 0))
            return DONE

    asyncio.run(attempt(Asked(DONE), given(tmp_path), 0, earlier))
    assert asked == [number]
