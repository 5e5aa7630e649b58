"""Kill -9 and TERM of each process that has a part in a task: the run ends as it should, and nothing is left."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("faults")

FLOW = """
import os, signal, subprocess, sys, time
from metaflow import FlowSpec, Parameter, current, retry, step

HOME = FOLDER

class Long(FlowSpec):
    stubborn = Parameter("stubborn", default=False)

    @step
    def start(self):
        self.next(self.work)

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        if self.stubborn:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            until = f"{HOME}/go-{current.run_id}"
            subprocess.Popen(["sh", "-c", f"trap '' TERM; while [ ! -e {until} ]; do sleep 0.1; done"])
        with open(f"{HOME}/attempts", "a") as file:
            file.write(f"{current.run_id} {current.retry_count} {os.getpid()} {os.getppid()}\\n")
        while not os.path.exists(f"{HOME}/go-{current.run_id}"):
            time.sleep(0.02)
        self.attempt = current.retry_count
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Long()
"""


class Runs:
    """The runs of the flow in a home: starts them, and reads what their attempts wrote."""

    def __init__(self, home: Any) -> None:
        self.home = home

    def start(self, *parameters: str) -> str:
        done = self.home.run("trigger", "Long", *parameters, "-o", "name")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def attempts(self, run_id: str) -> list[tuple[int, int, int]]:
        """Number, process and parent of each attempt that began."""
        file = self.home.folder / "attempts"
        lines = file.read_text().splitlines() if file.exists() else []
        return [tuple(map(int, line.split()[1:])) for line in lines if line.split()[0] == run_id]  # type: ignore[misc]

    def let_go(self, run_id: str) -> None:
        (self.home.folder / f"go-{run_id}").touch()

    def status(self, run_id: str) -> str:
        return self.described(run_id)["status"]

    def described(self, run_id: str) -> dict[str, Any]:
        done = self.home.run("runs", "describe", run_id, "-o", "json")
        assert done.returncode in {0, 3}, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def deployed(lodging: Any) -> Any:
    """A home with the flow deployed."""
    lodging.flow("long.py", FLOW.replace("FOLDER", repr(str(lodging.folder))))
    assert lodging.run("deploy", "long.py").returncode == 0
    return lodging


@pytest.fixture
def runs(deployed: Any) -> Runs:
    """Runs of the flow, served by one worker."""
    if not deployed.processes or deployed.processes[-1].poll() is not None:
        deployed.worker("Long")
    return Runs(deployed)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


#: Who is killed, and the attempts of the step that begin in all: a task that is killed has failed, as with
#: `python flow.py run`, and uses its one retry; what is lost with a process of ours uses none, so one more may fail.
VICTIMS = {
    "task": ["task"],
    "supervisor": ["supervisor"],
    "host": ["host"],
    "worker": ["worker"],
    "all": ["worker", "host", "supervisor", "task"],
}


@pytest.mark.parametrize(
    "who",
    [pytest.param(one, marks=[pytest.mark.soak] if one in {"worker", "all"} else []) for one in VICTIMS],
)
def test_a_killed_process_costs_no_run(runs: Runs, wait_until: Callable[..., None], who: str) -> None:
    """After kill -9 the run ends well, an attempt is made once and never beside another, and a second run works."""
    run_id = runs.start()
    wait_until(lambda: len(runs.attempts(run_id)) == 1, "the task has begun")
    _, task, supervisor = runs.attempts(run_id)[0]
    pids = {"task": task, "supervisor": supervisor, "host": parent_of(supervisor)}
    pids["worker"] = runs.home.processes[-1].pid
    for victim in VICTIMS[who]:
        os.kill(pids[victim], signal.SIGKILL)
    if who in {"worker", "all"}:
        runs.home.worker("Long")
    if who != "host":  # whose supervisors live on without it
        wait_until(lambda: len(runs.attempts(run_id)) == 2, "the task runs again")
        assert not alive(task), "two attempts run at once"
    runs.let_go(run_id)
    wait_until(lambda: runs.status(run_id) == "completed", "the run has ended well")
    numbers = [number for number, _, _ in runs.attempts(run_id)]
    assert numbers == list(range(len(numbers)))
    again = runs.start()
    wait_until(lambda: runs.attempts(again), "a second run works")
    runs.let_go(again)
    wait_until(lambda: runs.status(again) == "completed", "the second run has ended well")


def test_a_task_that_ignores_term_is_ended_with_its_children(
    runs: Runs, wait_until: Callable[..., None]
) -> None:
    """A cancelled task that ignores TERM, and a child of it that does too, are gone after the grace of 5 s."""
    run_id = runs.start("stubborn=True")
    wait_until(lambda: runs.attempts(run_id), "the task has begun")
    task = runs.attempts(run_id)[0][1]
    began = time.monotonic()
    done = runs.home.run("runs", "cancel", run_id, "-o", "json")
    assert json.loads(done.stdout)["status"] == "cancelled"
    assert time.monotonic() - began < 30
    assert not alive(task)
    wait_until(
        lambda: not [command for command in runs.home.left_running() if "trap" in command],
        "its child is gone",
    )
    assert len(runs.attempts(run_id)) == 1


@pytest.mark.soak
def test_two_signals_hand_a_stubborn_task_over(runs: Runs, wait_until: Callable[..., None]) -> None:
    """A worker that gets TERM twice ends tasks that ignore it, with their children; another worker runs them again."""
    run_id = runs.start("stubborn=True")
    wait_until(lambda: runs.attempts(run_id), "the task has begun")
    task = runs.attempts(run_id)[0][1]
    worker = runs.home.processes[-1]
    wait_until(
        lambda: worker.poll() is not None or worker.send_signal(signal.SIGTERM), "the worker has ended"
    )
    assert not alive(task)
    runs.home.worker("Long")
    wait_until(lambda: len(runs.attempts(run_id)) == 2, "the task runs again")
    runs.let_go(run_id)
    wait_until(lambda: runs.status(run_id) == "completed", "the run has ended well")


def test_who_watches_does_not_matter(runs: Runs, wait_until: Callable[..., None]) -> None:
    """Kill -9 of a `trigger --wait` and of a `runs watch`: the run ends well all the same."""
    worker = runs.home.processes[-1]
    waiting = runs.home.start("trigger", "Long", "--wait", "--run-id-file", "id")
    file = runs.home.folder / "id"
    wait_until(lambda: file.exists() and file.read_text().strip(), "the run id is there")
    run_id = file.read_text().strip()
    watching = runs.home.start("runs", "watch", run_id)
    wait_until(lambda: runs.attempts(run_id), "the task has begun")
    for process in (waiting, watching):
        process.kill()
        process.wait()
    runs.let_go(run_id)
    wait_until(lambda: runs.status(run_id) == "completed", "the run has ended well")
    assert len(runs.attempts(run_id)) == 1
    runs.home.processes.append(worker)


@pytest.mark.soak
def test_workers_of_one_identity_share_the_work(runs: Runs, wait_until: Callable[..., None]) -> None:
    """Two workers that the server cannot tell apart: every task is run once."""
    runs.home.worker("Long")
    ids = [runs.start() for _ in range(6)]
    for run_id in ids:
        runs.let_go(run_id)
    wait_until(lambda: all(runs.status(one) == "completed" for one in ids), "all runs have ended")
    assert [len(runs.attempts(one)) for one in ids] == [1] * 6


def test_a_deleted_deployment_leaves_its_runs(runs: Runs, wait_until: Callable[..., None]) -> None:
    """A deployment that is deleted with a run in flight: the run ends well, on the worker that served it."""
    run_id = runs.start()
    wait_until(lambda: runs.attempts(run_id), "the task has begun")
    assert runs.home.run("deployments", "delete", "Long", "--yes").returncode == 0
    runs.let_go(run_id)
    wait_until(lambda: runs.status(run_id) == "completed", "the run has ended well")
    assert runs.home.run("deploy", "long.py").returncode == 0
