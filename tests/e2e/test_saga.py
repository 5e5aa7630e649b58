"""Flows that undo what they did when a run ends badly."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("saga")

BOOKING = """
import time
from metaflow import FlowSpec, Parameter, current, retry, step as plain
from {origin} import step

def note(*words):
    with open({log!r}, "a") as file:
        print(*words, file=file, flush=True)

class BookingFlow(FlowSpec):
    guest = Parameter("guest", default="ann")
    broken = Parameter("broken", default=False)
    slow = Parameter("slow", default=False)

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
        if not self.broken and current.retry_count == 0:
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
        if self.broken:
            raise ValueError("no refunds")

    @step
    def confirm(self):
        if self.slow:
            note("confirm")
            time.sleep(600)
        raise RuntimeError("Payment declined")
        self.next(self.end)

    @plain
    def end(self):
        pass

if __name__ == "__main__":
    BookingFlow()
"""
STUBBORN = """
import os, signal, time
from metaflow import FlowSpec
from mftctl.saga import step

class Stubborn(FlowSpec):
    @step
    def start(self):
        signal.signal(signal.SIGTERM, lambda *_: open({log!r} + ".term", "w").close())
        open({log!r}, "w").close()
        while not os.path.exists({log!r} + ".term"):
            time.sleep(0.05)
        self.hotel = "hotel-7"
        self.next(self.end)

    @start.compensate
    def cancel_hotel(self):
        with open({log!r}, "a") as file:
            file.write("cancelled " + self.hotel)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Stubborn()
"""
PLAIN = """
from metaflow import FlowSpec
from mftctl.saga import step

def note(*words):
    with open({log!r}, "a") as file:
        print(*words, file=file, flush=True)

class PlainFlow(FlowSpec):
    @step
    def start(self):
        note("start")
        self.next(self.end)

    @start.compensate
    def undo(self):
        note("undo")

    @step
    def end(self):
        pass

if __name__ == "__main__":
    PlainFlow()
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


def look(home: Any, run: str) -> dict[str, Any]:
    done = home.python("-c", LOOK, run)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def booking(lodging: Any) -> Any:
    """A home with the flow deployed and a worker."""
    source = BOOKING.format(origin="mftctl.saga", log=str(lodging.folder / "log"))
    deploy(lodging, source, "--name", "booking")
    lodging.worker("booking")
    return lodging


def booked(home: Any, *words: str) -> tuple[dict[str, Any], list[str]]:
    """Run it to its end, which is bad: what the command's JSON says, and what the handlers have noted."""
    log = home.folder / "log"
    log.unlink(missing_ok=True)
    done = home.run("trigger", "booking", *words, "--wait", "-o", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 3
    assert (told["status"], told["failure"]["step"]) == ("failed", "confirm")
    assert "Payment declined" in told["failure"]["message"]
    return told, log.read_text().splitlines()


def test_what_was_booked_is_cancelled_last_in_first_out(booking: Any) -> None:
    """Handlers see their task's artifacts, parameters too, are retried, and are tasks with logs; the error stays."""
    told, lines = booked(booking)
    assert lines == [
        "cancel flight-9",
        "cancel hotel-7 ann cancel_hotel 0",
        "cancel hotel-7 ann cancel_hotel 1",
    ]
    (task,) = look(booking, f"BookingFlow/{told['run_id']}")["cancel_hotel"]
    assert (task["ok"], task["attempt"], task["receipt"]) == (True, 1, "refund")
    assert "cancelled hotel-7" in task["out"]


def test_a_handler_that_fails_stops_no_other(booking: Any) -> None:
    """Its failure is told and logged, the other handlers run, and the run ends with its first error."""
    told, lines = booked(booking, "broken=true")
    assert lines == ["cancel flight-9", "cancel hotel-7 ann cancel_hotel 0"]
    (task,) = look(booking, f"BookingFlow/{told['run_id']}")["cancel_flight"]
    assert not task["ok"]
    assert "no refunds" in task["err"]


def compiled(home: Any, source: str) -> Any:
    """What `create` makes of a flow."""
    return home.python(str(home.flow("f.py", source)), "--quiet", "temporal", "create", "--only-json")


def test_the_extension_has_the_same_step(booking: Any) -> None:
    """A flow may take `step` from where metaflow-temporal has its own."""
    origins = ("mftctl.saga", "metaflow_extensions.temporal.plugins.temporal")
    sources = [BOOKING.format(origin=origin, log="/tmp/none") for origin in origins]
    one, other = (json.loads(compiled(booking, source).stdout) for source in sources)
    assert [step["name"] for step in one["compensations"]] == ["cancel_flight", "cancel_hotel"]
    assert (other["compensations"], other["steps"]) == (one["compensations"], one["steps"])


def test_without_temporal_such_a_flow_is_a_flow(booking: Any, tmp_path: Path) -> None:
    """`python flow.py run` takes it, and runs no handler."""
    log = tmp_path / "log"
    done = booking.python(str(booking.flow("plain.py", PLAIN.format(log=str(log)))), "run")
    assert done.returncode == 0, done.stderr
    assert log.read_text() == "start\n"


def test_a_cancelled_run_is_undone_before_the_command_ends(
    booking: Any, wait_until: Callable[..., None]
) -> None:
    """`runs cancel` stops what runs, and comes back when what had finished is undone."""
    log = booking.folder / "log"
    log.unlink(missing_ok=True)
    run = booking.run("trigger", "booking", "slow=true", "-o", "name").stdout.strip()
    wait_until(log.exists, "the last task runs")
    assert booking.run("runs", "cancel", run).returncode == 0
    assert log.read_text().splitlines() == [
        "confirm",
        "cancel flight-9",
        "cancel hotel-7 ann cancel_hotel 0",
        "cancel hotel-7 ann cancel_hotel 1",
    ]


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
def test_what_cannot_compensate_is_refused(booking: Any, old: str, new: str, words: str) -> None:
    """A second handler of a step, and one that goes on to a step, are refused before anything runs."""
    source = WIDE.format(log="/tmp/none", width=2, in_joined="pass", in_undo="pass").replace(old, new)
    done = booking.run("deploy", str(booking.flow("f.py", source)))
    assert done.returncode == 2
    assert words in done.stderr


def test_a_task_that_finishes_while_it_is_stopped_is_undone(
    served: Any, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    """It had its result when the run was cancelled: what it has done is undone, as by `runs resume` it is kept."""
    log = tmp_path / "notes"
    served.flow("stubborn.py", STUBBORN.format(log=str(log)))
    assert served.run("deploy", "stubborn.py").returncode == 0
    served.worker("Stubborn")
    run_id = served.run("trigger", "Stubborn", "-o", "name").stdout.strip()
    wait_until(log.exists, "the task runs")
    assert served.run("runs", "cancel", run_id).returncode == 0
    assert log.read_text() == "cancelled hotel-7"
    assert "KILLED" not in served.run("runs", "logs", run_id).stdout
