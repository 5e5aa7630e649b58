"""Flows that undo what they did when a run ends badly."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError

BOOKING = """
import os
from metaflow import FlowSpec, Parameter, current, retry, step as plain
from {origin} import step

def note(*words):
    with open({log!r}, "a") as file:
        print(*words, file=file, flush=True)

class BookingFlow(FlowSpec):
    guest = Parameter("guest", default="ann")

    @step
    def start(self):
        self.next(self.book_hotel)

    @step
    def book_hotel(self):
        self.hotel_id = "hotel-7"
        self.next(self.book_flight)

    @retry(times=2, minutes_between_retries=0)
    @book_hotel.compensate
    def cancel_hotel(self):
        note("cancel", self.hotel_id, self.guest, current.step_name, current.retry_count)
        if {flaky} and current.retry_count == 0:
            raise ValueError("the hotel does not answer")
        print("cancelled", self.hotel_id)
        self.receipt = "refund"

    @step
    def book_flight(self):
        self.flight_id = "flight-9"
        self.next(self.confirm)

    @book_flight.compensate
    def cancel_flight(self):
        note("cancel", self.flight_id)
        if {broken}:
            raise ValueError("no refunds")

    @step
    def confirm(self):
        raise RuntimeError("Payment declined")
        self.next(self.end)

    @plain
    def end(self):
        pass

if __name__ == "__main__":
    BookingFlow()
"""
WIDE = """
import os, time
from metaflow import FlowSpec, step as plain
from mftctl.saga import step

def note(*words):
    with open({log!r}, "a") as file:
        print(*words, file=file, flush=True)

class WideFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.joined)

    @left.compensate
    def undo_left(self):
        note("undo left")

    @step
    def right(self):
        self.items = list(range({width}))
        self.next(self.body, foreach="items")

    @right.compensate
    def undo_right(self):
        note("undo right")

    @step
    def body(self):
        self.next(self.gather)

    @body.compensate
    def undo_body(self):
        note("undo body", self.input, self.index)
        {in_undo}

    @step
    def gather(self, inputs):
        self.next(self.joined)

    @step
    def joined(self, inputs):
        note("joined")
        {in_joined}
        self.next(self.end)

    @plain
    def end(self):
        pass

if __name__ == "__main__":
    WideFlow()
"""
LOOK = """
import json, sys, metaflow
metaflow.namespace(None)
run = metaflow.Run(sys.argv[1])
print(json.dumps({
    step.id: [
        {"ok": task.successful, "out": task.stdout, "err": task.stderr, "attempt": task.current_attempt,
         "receipt": task["receipt"].data if "receipt" in task else None}
        for task in step
    ]
    for step in run
}))
"""


def deploy(home: Any, source: str, *options: str) -> None:
    done = home.run("deploy", str(home.flow("f.py", source)), *options)
    assert done.returncode == 0, done.stderr


def trigger(home: Any, name: str) -> tuple[Any, dict[str, Any]]:
    """Run it to its end; how the command ended, and what its JSON says."""
    done = home.run("trigger", name, "--wait", "-o", "json")
    return done, json.loads(done.stdout)


def look(home: Any, run: str) -> dict[str, Any]:
    done = home.command("python", "-c", LOOK, run)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("origin", ["mftctl.saga", "metaflow_extensions.temporal.plugins.temporal"])
def test_what_was_booked_is_cancelled_last_in_first_out(served: Any, tmp_path: Path, origin: str) -> None:
    """Handlers see their task's artifacts, parameters too, are retried, and are tasks with logs; the error stays."""
    log = tmp_path / "log"
    source = BOOKING.format(origin=origin, log=str(log), flaky=True, broken=False)
    name = f"booking-{origin[:6]}"
    deploy(served, source, "--name", name)
    served.worker(name)
    done, told = trigger(served, name)
    assert done.returncode == 3
    assert (told["status"], told["failure"]["step"]) == ("failed", "confirm")
    assert "Payment declined" in told["failure"]["message"]
    assert log.read_text().splitlines() == [
        "cancel flight-9",
        "cancel hotel-7 ann cancel_hotel 0",
        "cancel hotel-7 ann cancel_hotel 1",
    ]
    (task,) = look(served, f"BookingFlow/{told['run_id']}")["cancel_hotel"]
    assert (task["ok"], task["attempt"], task["receipt"]) == (True, 1, "refund")
    assert "cancelled hotel-7" in task["out"]


def test_a_handler_that_fails_stops_no_other(served: Any, tmp_path: Path) -> None:
    """Its failure is told and logged, the other handlers run, and the run ends with its first error."""
    log = tmp_path / "log"
    source = BOOKING.format(origin="mftctl.saga", log=str(log), flaky=False, broken=True)
    deploy(served, source, "--name", "broken")
    served.worker("broken")
    done, told = trigger(served, "broken")
    assert (done.returncode, told["failure"]["step"]) == (3, "confirm")
    assert log.read_text().splitlines() == ["cancel flight-9", "cancel hotel-7 ann cancel_hotel 0"]
    (task,) = look(served, f"BookingFlow/{told['run_id']}")["cancel_flight"]
    assert not task["ok"]
    assert "no refunds" in task["err"]


def test_without_temporal_such_a_flow_is_a_flow(home: Any, tmp_path: Path) -> None:
    """`python flow.py run` takes it, and runs no handler."""
    log = tmp_path / "log"
    source = BOOKING.format(origin="mftctl.saga", log=str(log), flaky=False, broken=False)
    file = home.flow("f.py", source.replace('raise RuntimeError("Payment declined")', "pass"))
    done = home.command("python", str(file), "run")
    assert done.returncode == 0, done.stderr
    assert not log.exists()


def test_a_cancelled_run_undoes_both_branches_and_each_split(
    served: Any, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    """Cancelling stops what runs, then undoes what had finished, the splits of a foreach each for itself."""
    log = tmp_path / "log"
    source = WIDE.format(log=str(log), width=3, in_joined="time.sleep(600)", in_undo="pass")
    deploy(served, source, "--name", "cancelled")
    served.worker("cancelled")
    run = served.run("trigger", "cancelled", "-o", "name").stdout.strip()
    wait_until(log.exists, "the last task runs")
    assert served.run("runs", "cancel", run).returncode == 0
    lines = log.read_text().splitlines()
    assert lines[0] == "joined"
    assert sorted(lines[1:]) == ["undo body 0 0", "undo body 1 1", "undo body 2 2", "undo left", "undo right"]
    assert lines.index("undo right") > max(lines.index(f"undo body {i} {i}") for i in range(3))


def test_what_ends_a_run_is_not_cancelled(
    served: Any, server: str, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    """A cancel that comes when a run undoes what it did stops no handler, and the run ends with its own error."""
    log, go = tmp_path / "log", tmp_path / "go"
    undo = f"while not os.path.exists({str(go)!r}): time.sleep(0.02)\n        note('undone', self.index)"
    source = WIDE.format(log=str(log), width=2, in_joined="raise ValueError('no')", in_undo=undo)
    deploy(served, source, "--name", "undoing")
    served.worker("undoing")
    run = served.run("trigger", "undoing", "-o", "name").stdout.strip()
    wait_until(lambda: log.exists() and "undo body" in log.read_text(), "a handler runs")

    async def cancel_and_wait() -> None:
        handle = (await Client.connect(server)).get_workflow_handle(run)
        await handle.cancel()
        await handle.query("progress")  # answered once the workflow has heard of it
        asked = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
        assert asked not in [event.event_type async for event in handle.fetch_history_events()]
        go.touch()
        with pytest.raises(WorkflowFailureError):
            await handle.result()

    asyncio.run(cancel_and_wait())
    lines = sorted(log.read_text().splitlines())
    assert lines == [
        "joined",
        "undo body 0 0",
        "undo body 1 1",
        "undo left",
        "undo right",
        "undone 0",
        "undone 1",
    ]
    told = json.loads(served.run("runs", "describe", run, "-o", "json").stdout)
    assert (told["status"], told["failure"]["step"]) == ("failed", "joined")


def test_a_run_that_passes_its_timeout_undoes_what_it_did(served: Any, tmp_path: Path) -> None:
    """The workflow timeout stops the tasks, and then the handlers run."""
    log = tmp_path / "log"
    source = WIDE.format(log=str(log), width=2, in_joined="time.sleep(600)", in_undo="pass")
    deploy(served, source, "--name", "late", "--workflow-timeout", "12s")
    served.worker("late")
    done, told = trigger(served, "late")
    assert (done.returncode, told["status"]) == (3, "timed_out")
    assert sorted(log.read_text().splitlines())[-2:] == ["undo left", "undo right"]


@pytest.mark.soak
def test_parts_of_a_wide_foreach_are_undone_through_a_worker_s_death(
    served: Any, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    """Splits that ran in child workflows are undone, and a worker killed meanwhile is taken over where it was."""
    log = tmp_path / "log"
    undo = "time.sleep(600 if self.input == 60 and os.environ.get('STUCK') else 0)"
    source = WIDE.format(log=str(log), width=105, in_joined="raise ValueError('no')", in_undo=undo)
    deploy(served, source, "--name", "wide")
    served.worker("wide", STUCK="1")
    run = served.run("trigger", "wide", "-o", "name").stdout.strip()
    wait_until(lambda: log.exists() and "undo body 60 60" in log.read_text(), "a handler is stuck")
    os.kill(served.processes[-1].pid, signal.SIGKILL)
    before = log.read_text().splitlines()
    served.worker("wide")
    wait_until(lambda: "undo left" in log.read_text() and "undo right" in log.read_text(), "all is undone")
    wait_until(lambda: f"{run}" in served.run("runs", "resume", run).stderr, "the run has ended")
    lines = log.read_text().splitlines()
    assert sorted(lines) == sorted(
        ["joined", "undo left", "undo right", "undo body 60 60", *(f"undo body {i} {i}" for i in range(105))]
    )
    assert lines[: len(before)] == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('note("undo left")', "self.next(self.end)", "must not call self.next"),
        ("@right.compensate", "@left.compensate", "step left is compensated by undo_left already"),
    ],
)
def test_what_cannot_compensate_is_refused(served: Any, old: str, new: str, words: str) -> None:
    """A second handler of a step, and one that goes on to a step, are refused before anything runs."""
    source = WIDE.format(log="/tmp/none", width=2, in_joined="pass", in_undo="pass").replace(old, new)
    done = served.run("deploy", str(served.flow("f.py", source)))
    assert done.returncode == 2
    assert words in done.stderr
