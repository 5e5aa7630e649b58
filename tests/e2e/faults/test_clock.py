"""A machine's clock that is set forward or back in mid-run (libfaketime)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("faults"), pytest.mark.soak]

FLOW = """
import os, select, time
from metaflow import FlowSpec, current, step

HOME = FOLDER

class Clocked(FlowSpec):
    @step
    def start(self):
        self.items = [0, 1]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        with open(f"{HOME}/attempts", "a") as file:
            file.write(f"{current.run_id} {self.input} {current.retry_count} {time.time()}\\n")
        while not os.path.exists(f"{HOME}/go-{current.run_id}"):
            select.select([], [], [], 0.02)  # a sleep is not what it is with libfaketime
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Clocked()
"""


@pytest.fixture(scope="module")
def library() -> str:
    """Path of libfaketime, which gives processes the time that a file names."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        pytest.skip("no libfaketime")
    return str(found[0])


@pytest.mark.parametrize("jump", ["+3h", "-3h"])
def test_a_clock_that_jumps_costs_no_run(
    served: Any, library: str, wait_until: Callable[..., None], jump: str
) -> None:
    """A worker's clock is set by hours while tasks run: each is run once, the run ends well, and so does the next."""
    clock = served.folder / "clock"
    set_clock(clock, "+0")
    served.flow("clocked.py", FLOW.replace("FOLDER", repr(str(served.folder))))
    assert served.run("deploy", "clocked.py").returncode == 0
    served.worker(
        "Clocked",
        LD_PRELOAD=library,
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )
    for offset in (jump, "+0"):
        started = served.run("trigger", "Clocked", "-o", "name").stdout.strip()
        wait_until(lambda run=started: len(attempts(served, run)) == 2, "both tasks run")
        set_clock(clock, offset)
        (served.folder / f"go-{started}").touch()
        done = served.run("runs", "watch", started, "-o", "json")
        assert json.loads(done.stdout)["status"] == "completed", done.stderr
        assert sorted(attempts(served, started)) == [("0", "0"), ("1", "0")]


def attempts(home: Any, run_id: str) -> list[tuple[str, str]]:
    """Item and number of each attempt that began."""
    file = home.folder / "attempts"
    lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return [(line[1], line[2]) for line in lines if line[0] == run_id]


def set_clock(clock: Path, offset: str) -> None:
    """Give the time with an offset from now on; a file that is half written would be no time."""
    new = clock.with_suffix(".new")
    new.write_text(offset)
    new.rename(clock)
