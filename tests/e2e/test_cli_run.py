"""`mftctl run`: everything in one process, and nothing left of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pexpect
import pytest

FLOW = """
import os, time
from metaflow import FlowSpec, Parameter, step

class RunFlow(FlowSpec):
    width = Parameter("width", type=int, default=3)
    bad = Parameter("bad", default="")

    @step
    def start(self):
        self.items = list(range(self.width))
        self.next(self.body, foreach="items")

    @step
    def body(self):
        print("working on", self.input)
        with open("began", "a") as began:
            began.write("x")
        while os.path.exists("hold"):
            time.sleep(0.05)
        if os.path.exists("broken"):
            raise ValueError("no luck")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.done = [each.input for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        print("done", self.done, os.getcwd())
        while os.path.exists("hold_end"):
            time.sleep(0.05)

if __name__ == "__main__":
    RunFlow()
"""


UNDONE = """
from metaflow import FlowSpec
from mftctl.saga import step

class Undone(FlowSpec):
    @step
    def start(self):
        self.hotel = "hotel-7"
        self.next(self.end)

    @start.compensate
    def cancel_hotel(self):
        print("cancelled", self.hotel)

    @step
    def end(self):
        raise RuntimeError("declined")

if __name__ == "__main__":
    Undone()
"""


@pytest.fixture
def alone(home) -> Any:
    """A home with the flow, and without a server: a run starts its own."""
    home.flow("run_flow.py", FLOW)
    return home


@pytest.fixture
def place(lodging) -> Any:
    """A home with the flow, with the session's server, and with nothing left of the test before."""
    lodging.flow("run_flow.py", FLOW)
    for left in ("began", "hold", "broken"):
        (lodging.folder / left).unlink(missing_ok=True)
    return lodging


@pytest.fixture
def terminal() -> Iterator[Callable[..., pexpect.spawn]]:
    """`mftctl` in a home, on a terminal of its own; what it shows goes to the file `screen`."""
    opened = []

    def start(home: Any, *arguments: str, **env: str) -> pexpect.spawn:
        screen = pexpect.spawn(
            sys.executable,
            ["-m", "mftctl", *arguments],
            cwd=str(home.folder),
            env={**home.env, "TERM": "xterm-256color", **env},
            encoding="utf-8",
            dimensions=(40, 120),
            timeout=90,
        )
        screen.logfile_read = (home.folder / "screen").open("w")
        opened.append(screen)
        return screen

    yield start
    for screen in opened:
        screen.close(force=True)
        screen.logfile_read.close()


def test_a_piped_run_is_a_line_an_event(alone) -> None:
    """Task output as Metaflow shows it, on stdout; where the server is, on stderr; tasks run in the user's folder."""
    id_file = alone.folder / "run.id"
    done = alone.run("run", "run_flow.py", "width=2", "--run-id-file", str(id_file))
    assert done.returncode == 0, done.stderr
    run_id = id_file.read_text().strip()
    assert f"[{run_id}/body/temporal-body-1] working on 1\n" in done.stdout
    assert f"[{run_id}/end/temporal-end-0] done [0, 1] {alone.folder}\n" in done.stdout
    assert f"[{run_id}/start/temporal-start-0] Task finished successfully.\n" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"Done: run {run_id} completed in ")
    assert "embedded Temporal server" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_failed_run_is_exit_code_3_and_can_be_resumed(place) -> None:
    """The events first and the result last; why it failed, and how to resume, which then works."""
    (place.folder / "broken").touch()
    done = place.run("run", "run_flow.py", "width=1", "-o", "jsonl")
    assert done.returncode == 3
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert "working on 0" in [line["text"] for line in lines if line.get("event") == "line"]
    assert (lines[-1]["status"], lines[-1]["failure"]["step"]) == ("failed", "body")
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert "failed: ValueError: no luck" in error["message"]
    (place.folder / "broken").unlink()
    # Which `python flow.py resume` continues by itself.
    (latest,) = place.folder.glob(".metaflow/*/latest_run")
    assert latest.read_text() == lines[-1]["run_id"]
    words = error["hint"].partition("python ")[2].split()
    resumed = place.command(sys.executable, *words)
    assert resumed.returncode == 0, resumed.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.py"], 2, "nowhere.py"),
        (["run_flow.py", "widht=3"], 2, "did you mean width?"),
        (["run_flow.py", "--workflow-timeout", "soon"], 2, "--workflow-timeout"),
        (["run_flow.py", "--python", "/no/python"], 2, "/no/python"),
        (["run_flow.py", "--profile", "nobody"], 2, "nobody"),
        (["run_flow.py", "--address", "127.0.0.1:9"], 5, "127.0.0.1:9"),
        (["run_flow.py", "--config", "x", "y"], 2, "--config"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)
def test_bad_input_is_a_clear_line(place, words: list[str], code: int, said: str) -> None:
    """The right exit code, no traceback, and no task is run."""
    done = place.run("run", *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (place.folder / "began").exists()


def test_a_terminal_shows_a_line_a_step(place, terminal) -> None:
    """Steps with counts, the foreach as a bar, the tasks' lines above, colours, and the cursor is given back."""
    screen = terminal(place, "run", "run_flow.py", "width=5")
    screen.expect("working on", timeout=90)
    screen.expect("━", timeout=90)
    screen.expect("5/5 done", timeout=90)
    screen.expect("Done: run", timeout=90)
    screen.expect(pexpect.EOF, timeout=90)
    screen.close()
    assert screen.exitstatus == 0
    shown = (place.folder / "screen").read_text()
    assert "\x1b[36m" in shown
    assert "\x1b[?25h" in shown


def test_compensations_run_on_a_terminal(place, terminal) -> None:
    """Each gets a line when it runs; nothing of the view keeps it from running."""
    place.flow("undone.py", UNDONE)
    screen = terminal(place, "run", "undone.py")
    screen.expect("cancelled hotel-7", timeout=90)
    screen.expect("1/1 done", timeout=90)
    screen.expect(pexpect.EOF, timeout=90)
    screen.close()
    assert screen.exitstatus == 3
    assert "never retrieved" not in (place.folder / "screen").read_text()


def test_ctrl_c_cancels_the_run_and_waits_for_its_tasks(place, terminal, wait_until) -> None:
    """Exit code 130; the tasks have ended before the command has. With NO_COLOR there are no colours."""
    (place.folder / "hold").touch()
    screen = terminal(place, "run", "run_flow.py", NO_COLOR="1")
    screen.expect("working on", timeout=90)
    screen.sendintr()
    screen.expect("cancelling the run", timeout=90)
    screen.expect("was cancelled", timeout=90)
    screen.expect(pexpect.EOF, timeout=90)
    screen.close()
    assert (screen.exitstatus, screen.signalstatus) == (130, None)
    wait_until(lambda: not place.left_running(), "nothing of the run is left")
    assert "\x1b[36m" not in (place.folder / "screen").read_text()


def test_a_second_ctrl_c_leaves_at_once(place, terminal, wait_until) -> None:
    """Exit code 130 without waiting for tasks that take their time, and then they end too."""
    (place.folder / "hold").touch()
    stubborn = FLOW.replace(
        'print("working', 'import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print("working'
    )
    place.flow("run_flow.py", stubborn)
    screen = terminal(place, "run", "run_flow.py")
    screen.expect("working on 2", timeout=90)
    screen.sendintr()
    screen.expect("interrupt again to exit at once", timeout=90)
    wait_until(lambda: press_again(screen), "it has left")
    screen.close()
    assert (screen.exitstatus, screen.signalstatus) == (130, None)
    wait_until(lambda: not place.left_running(), "nothing of the run is left")


def test_runs_share_a_server_and_a_run_that_nobody_serves_is_over(alone, terminal, wait_until) -> None:
    """After kill -9 of the one that started the server its tasks are gone and its run is terminated; the other goes on.

    A closed terminal cancels that one; then the server is gone, too.
    """
    for name in ("hold", "hold_end"):
        (alone.folder / name).touch()
    first = alone.start("run", "run_flow.py")
    wait_until((alone.folder / "began").exists, "the first run's task runs")
    apart = ("server start-dev", "guardian")
    own = {pid for pid, command in alone.running() if not any(one in command for one in apart)}
    assert len(own) > 1
    screen = terminal(alone, "run", "run_flow.py", "width=1")
    screen.expect("working on 0")
    assert len([command for command in alone.left_running() if "server start-dev" in command]) == 1
    first.kill()
    first.wait()
    wait_until(lambda: not own & {pid for pid, _ in alone.running()}, "nothing of the first run is left")
    (alone.folder / "hold").unlink()
    screen.expect(r"done \[0\]")
    screen.ptyproc.fileobj.close()  # pexpect's close would send signals of its own
    screen.ptyproc.closed = True
    assert screen.ptyproc.wait() == 129
    wait_until(lambda: not alone.left_running(), "nothing of the runs is left")
    alone.start("dev", "--port", "0", "--ui-port", "0")

    def listed() -> dict[str, str]:
        done = alone.run("runs", "list", "-o", "json")
        rows = json.loads(done.stdout) if done.returncode == 0 else []
        return {run["status"]: run["run_id"] for run in rows}

    wait_until(lambda: set(listed()) == {"cancelled", "terminated"}, "both runs are over")
    described = alone.run("runs", "describe", listed()["terminated"])
    assert "its `mftctl run` was killed" in described.stdout


def test_a_data_folder_that_cannot_be_written_is_named(alone) -> None:
    """One line, exit code 1, and the variable that names another."""
    done = alone.run("run", "run_flow.py", MFTCTL_DATA="/proc/mftctl")
    assert done.returncode == 1
    assert "/proc/mftctl" in done.stderr
    assert "MFTCTL_DATA" in done.stderr


def test_a_server_that_does_not_start_is_a_clear_line(alone) -> None:
    """Its own last words, exit code 5."""
    fake = alone.folder / "bin"
    fake.mkdir()
    (fake / "temporal").write_text("#!/bin/sh\necho 'disk I/O error: no space left on device' >&2\nexit 1\n")
    (fake / "temporal").chmod(0o755)
    done = alone.run("run", "run_flow.py", PATH=f"{fake}:{os.environ['PATH']}")
    assert done.returncode == 5
    assert "no space left on device" in done.stderr


def press_again(screen: pexpect.spawn) -> bool:
    """Ctrl-C until the process is gone: presses in the same moment count as one."""
    if not screen.isalive():
        return True
    screen.sendintr()
    return False
