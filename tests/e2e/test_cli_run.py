"""`mftctl run`: everything in one process, and nothing left of it."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

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

if __name__ == "__main__":
    RunFlow()
"""


@pytest.fixture(autouse=True)
def flow(home) -> Path:
    """A flow in the home's folder."""
    return home.flow("run_flow.py", FLOW)


@pytest.fixture
def terminal(home) -> Iterator[Callable[..., pexpect.spawn]]:
    """`mftctl` on a terminal of its own; what it shows goes to the file `screen`."""
    opened = []

    def start(*arguments: str, **env: str) -> pexpect.spawn:
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


def test_a_piped_run_is_a_line_an_event(home) -> None:
    """Task output as Metaflow shows it, on stdout; where the server is, on stderr; tasks run in the user's folder."""
    id_file = home.folder / "run.id"
    done = home.run("run", "run_flow.py", "width=2", "--run-id-file", str(id_file))
    assert done.returncode == 0, done.stderr
    run_id = id_file.read_text().strip()
    assert f"[{run_id}/body/temporal-body-1] working on 1\n" in done.stdout
    assert f"[{run_id}/end/temporal-end-0] done [0, 1] {home.folder}\n" in done.stdout
    assert f"[{run_id}/start/temporal-start-0] Task finished successfully.\n" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"Done: run {run_id} completed in ")
    assert "embedded Temporal server" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_json_is_the_result_alone(home) -> None:
    """One object on stdout and nothing on stderr; in jsonl events come first."""
    done = home.run("run", "run_flow.py", "-o", "json")
    assert json.loads(done.stdout)["status"] == "completed"
    assert not done.stderr
    lines = [json.loads(line) for line in home.run("run", "run_flow.py", "-o", "jsonl").stdout.splitlines()]
    assert {line["text"] for line in lines if line.get("event") == "line"} >= {"working on 0", "working on 2"}
    assert lines[-1]["status"] == "completed"


def test_a_failed_run_is_exit_code_3_and_can_be_resumed(home) -> None:
    """The failed step, its last lines, and how to resume; which then works."""
    (home.folder / "broken").touch()
    done = home.run("run", "run_flow.py", "width=1")
    assert done.returncode == 3
    assert "failed: ValueError: no luck" in done.stderr
    hint = done.stderr.splitlines()[-1]
    assert hint.startswith("hint: ")
    (home.folder / "broken").unlink()
    words = hint.partition("python ")[2].split()
    resumed = home.command(sys.executable, *words)
    assert resumed.returncode == 0, resumed.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.py"], 2, "nowhere.py"),
        (["run_flow.py", "widht=3"], 2, "did you mean width?"),
        (["run_flow.py", "width=x"], 2, "'width'"),
        (["run_flow.py", "--workflow-timeout", "soon"], 2, "--workflow-timeout"),
        (["run_flow.py", "--python", "/no/python"], 2, "/no/python"),
        (["run_flow.py", "--profile", "nobody"], 2, "nobody"),
        (["run_flow.py", "--address", "127.0.0.1:9"], 5, "127.0.0.1:9"),
        (["run_flow.py", "--config", "x", "y"], 2, "--config"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)
def test_bad_input_is_a_clear_line(home, words: list[str], code: int, said: str) -> None:
    """The right exit code, no traceback, and no task is run."""
    done = home.run("run", *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home.folder / "began").exists()


def test_the_workflow_timeout_ends_a_run(home) -> None:
    """Exit code 3, and the reason."""
    (home.folder / "hold").touch()
    done = home.run("run", "run_flow.py", "--workflow-timeout", "3s")
    assert done.returncode == 3
    assert "timed out" in done.stderr


def test_a_terminal_shows_a_line_a_step(home, terminal) -> None:
    """Steps with counts, the foreach as a bar, the tasks' lines above, and the cursor is given back."""
    screen = terminal("run", "run_flow.py", "width=5")
    screen.expect("working on", timeout=90)
    screen.expect("━", timeout=90)
    screen.expect("5/5 done", timeout=90)
    screen.expect("Done: run", timeout=90)
    screen.expect(pexpect.EOF, timeout=90)
    screen.close()
    assert screen.exitstatus == 0
    assert "\x1b[?25h" in (home.folder / "screen").read_text()


def test_no_color_is_honoured(home, terminal) -> None:
    """NO_COLOR on a terminal: no colours."""
    screen = terminal("run", "run_flow.py", NO_COLOR="1")
    screen.expect(pexpect.EOF, timeout=90)
    screen.close()
    assert "\x1b[36m" not in (home.folder / "screen").read_text()


def test_ctrl_c_cancels_the_run_and_waits_for_its_tasks(home, terminal, wait_until) -> None:
    """Exit code 130; the tasks have ended before the command has."""
    (home.folder / "hold").touch()
    screen = terminal("run", "run_flow.py")
    screen.expect("working on", timeout=90)
    screen.sendintr()
    screen.expect("cancelling the run", timeout=90)
    screen.expect("was cancelled", timeout=90)
    screen.expect(pexpect.EOF, timeout=90)
    screen.close()
    assert (screen.exitstatus, screen.signalstatus) == (130, None)
    wait_until(lambda: not home.left_running(), "nothing of the run is left")


def test_a_second_ctrl_c_leaves_at_once(home, terminal, wait_until) -> None:
    """Exit code 130 without waiting for tasks that take their time, and then they end too."""
    (home.folder / "hold").touch()
    stubborn = FLOW.replace(
        'print("working', 'import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print("working'
    )
    home.flow("run_flow.py", stubborn)
    screen = terminal("run", "run_flow.py")
    screen.expect("working on 2", timeout=90)
    screen.sendintr()
    screen.expect("once more to leave at once", timeout=90)
    wait_until(lambda: press_again(screen), "it has left")
    screen.close()
    assert (screen.exitstatus, screen.signalstatus) == (130, None)
    wait_until(lambda: not home.left_running(), "nothing of the run is left")


def test_ctrl_c_while_compiling_leaves_at_once(home, wait_until) -> None:
    """There is no run to cancel yet."""
    home.flow(
        "run_flow.py",
        "import os, time\nopen('importing', 'w').close()\nwhile os.path.exists('hold'):\n    time.sleep(0.05)\n",
    )
    (home.folder / "hold").touch()
    process = home.start("run", "run_flow.py")
    wait_until((home.folder / "importing").exists, "the flow is being imported")
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == 130
    (home.folder / "hold").unlink()


def test_sigterm_cancels_too(home, wait_until) -> None:
    """Exit code 143, as a supervisor expects."""
    (home.folder / "hold").touch()
    process = home.start("run", "run_flow.py")
    wait_until((home.folder / "began").exists, "a task runs")
    process.terminate()
    assert process.wait(90) == 143


def test_a_run_whose_terminal_is_closed_or_that_is_killed_is_over(home, terminal, wait_until) -> None:
    """A closed terminal cancels the run; after kill -9 it is terminated. Tasks, flow host and server are gone, too."""
    (home.folder / "hold").touch()
    screen = terminal("run", "run_flow.py")
    screen.expect("working on", timeout=90)
    screen.ptyproc.fileobj.close()  # pexpect's close would send signals of its own
    screen.ptyproc.closed = True
    assert screen.ptyproc.wait() == 129
    wait_until(lambda: not home.left_running(), "nothing of the run is left")
    (home.folder / "began").unlink()
    process = home.start("run", "run_flow.py")
    wait_until((home.folder / "began").exists, "a task runs")
    process.kill()
    wait_until(lambda: not home.left_running(), "nothing of the run is left")
    home.start("dev", "--port", "0", "--ui-port", "0")

    def listed() -> list[str]:
        done = home.run("runs", "list", "-o", "json")
        return [run["status"] for run in json.loads(done.stdout)] if done.returncode == 0 else []

    wait_until(lambda: sorted(listed()) == ["cancelled", "terminated"], "both runs are over")
    described = home.run("runs", "describe", "@latest")
    assert "its `mftctl run` was killed" in described.stdout


def test_runs_at_once_share_a_server_that_outlives_each(home, wait_until) -> None:
    """The one that started the server may be killed: the other goes on, and ends well."""
    (home.folder / "hold").touch()
    first = home.start("run", "run_flow.py")
    wait_until((home.folder / "began").exists, "the first run's task runs")
    log = home.folder / "second.log"
    second = home.start("run", "run_flow.py", "width=1", log=log)
    wait_until(lambda: "working on" in log.read_text(), "the second run's task runs")
    servers = [command for command in home.left_running() if "server start-dev" in command]
    assert len(servers) == 1
    first.kill()
    (home.folder / "hold").unlink()
    assert second.wait(90) == 0, log.read_text()


def test_a_data_folder_that_cannot_be_written_is_named(home) -> None:
    """One line, exit code 1, and the variable that names another."""
    done = home.run("run", "run_flow.py", MFTCTL_DATA="/proc/mftctl")
    assert done.returncode == 1
    assert "/proc/mftctl" in done.stderr
    assert "MFTCTL_DATA" in done.stderr


def test_a_server_that_does_not_start_is_a_clear_line(home) -> None:
    """Its own last words, exit code 5."""
    fake = home.folder / "bin"
    fake.mkdir()
    (fake / "temporal").write_text("#!/bin/sh\necho 'disk I/O error: no space left on device' >&2\nexit 1\n")
    (fake / "temporal").chmod(0o755)
    done = home.run("run", "run_flow.py", PATH=f"{fake}:{os.environ['PATH']}")
    assert done.returncode == 5
    assert "no space left on device" in done.stderr


def press_again(screen: pexpect.spawn) -> bool:
    """Ctrl-C until the process is gone: presses in the same moment count as one."""
    if not screen.isalive():
        return True
    screen.sendintr()
    return False
