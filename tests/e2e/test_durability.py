"""Runs survive their workers, and a deploy leaves what is running alone."""

import asyncio
import json
import shutil
import signal
import subprocess
import time

import pytest
from ports import free_port
from temporalio.client import Client

from mftctl.control.runs import actions, lookup, outcome

pytestmark = pytest.mark.xdist_group("durability")

GATED = """
import os, time
from metaflow import FlowSpec, current, retry, step

HOME = "FOLDER"

class Gated(FlowSpec):
    @step
    def start(self):
        self.next(self.work)

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        with open(f"{HOME}/began-{current.run_id}", "a") as began:
            began.write(f"{current.retry_count} ")
        while not os.path.exists(f"{HOME}/go-{current.run_id}"):
            time.sleep(0.02)
        if current.retry_count == 1:
            raise RuntimeError("a failure of the user's own")
        self.attempt = current.retry_count
        self.next(self.end)

    @step
    def end(self):
        self.code = "CODE"

if __name__ == "__main__":
    Gated()
"""

LOOP = """
import os, time
from metaflow import FlowSpec, step

class Loop(FlowSpec):
    @step
    def start(self):
        self.count = 0
        self.next(self.again)

    @step
    def again(self):
        self.count += 1
        while os.path.exists(f"FOLDER/hold-{self.count}"):
            open(f"FOLDER/held-{self.count}", "w").close()
            time.sleep(0.02)
        self.more = "yes" if self.count < 60 else "no"
        self.next({"yes": self.again, "no": self.fan}, condition="more")

    @step
    def fan(self):
        self.items = list(range(330))
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.got = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.got = [one.got for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Loop()
"""

SHOW = "from metaflow import Run, namespace; namespace(None); run = Run({run!r}); print({what})"


def show(home, run: str, what: str) -> str:
    """An expression over ``run``, by Metaflow's Client API in a process of its own."""
    return home.python("-c", SHOW.format(run=run, what=what)).stdout.strip()


def gated(home, code: str = "CODE") -> None:
    """Write the flow that waits in a step until a file is there."""
    home.flow("gated.py", GATED.replace("CODE", code).replace("FOLDER", str(home.folder)))


def began(home, run_id: str) -> list[str]:
    """Attempt numbers in the order in which attempts of a run's gated step began."""
    file = home.folder / f"began-{run_id}"
    return file.read_text().split() if file.exists() else []


def go(home, run_id: str) -> None:
    """Open the gate of a run."""
    (home.folder / f"go-{run_id}").touch()


def trigger(home, *arguments: str) -> str:
    """Start a run and give its id."""
    done = home.run("trigger", "Gated", *arguments, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["run_id"]


def taken(home, run_id: str) -> float:
    """When a worker took the task that runs, in seconds since 1970: on a busy machine its process starts later."""
    seen = act(home.env["TEMPORAL_ADDRESS"], lambda client: client.get_workflow_handle(run_id).describe())
    (task,) = seen.raw_description.pending_activities
    return task.last_started_time.ToMicroseconds() / 1e6


@pytest.fixture(scope="module")
def deployed(lodging):
    """A home with the gated flow deployed."""
    gated(lodging, "old")
    assert lodging.run("deploy", "gated.py").returncode == 0
    return lodging


@pytest.fixture
def working(deployed):
    """The same with a worker, the last process; it is the one that a test has left."""
    if not deployed.processes or deployed.processes[-1].poll() is not None:
        deployed.worker("Gated")
    return deployed


def has_its_retry(home, run_id: str, wait_until) -> None:
    """The second attempt fails by the user's own error, and a third one follows."""
    wait_until(lambda: began(home, run_id) == ["0", "1"], "another worker has the task")
    go(home, run_id)
    assert home.run("runs", "watch", run_id).returncode == 0
    assert began(home, run_id) == ["0", "1", "2"]
    assert show(home, f"Gated/{run_id}", "run.successful, run['work'].task.data.attempt") == "True 2"


def test_a_killed_worker_costs_no_retry(working, wait_until):
    """A worker killed in a step: another one has the task within 20 s, and the user's one retry is still there."""
    run_id = trigger(working)
    wait_until(lambda: began(working, run_id) == ["0"], "the first attempt has begun")
    first = working.processes[-1]
    working.worker("Gated")
    first.send_signal(signal.SIGKILL)
    killed = time.time()
    wait_until(lambda: began(working, run_id) == ["0", "1"], "another worker has the task")
    assert taken(working, run_id) - killed < 20
    has_its_retry(working, run_id, wait_until)


def test_a_second_signal_hands_the_tasks_over(working, wait_until):
    """A second signal stops the worker's tasks at once; they run elsewhere, with no retry used up."""
    run_id = trigger(working)
    wait_until(lambda: began(working, run_id) == ["0"], "the first attempt has begun")
    first = working.processes[-1]
    log = working.folder / f"worker{len(working.processes) - 1}.log"
    first.send_signal(signal.SIGTERM)
    wait_until(lambda: "Worker shutting down gracefully." in log.read_text(), "the first signal is taken")
    # Signals that come together are one request, so the second is sent until it is taken.
    wait_until(lambda: first.poll() is not None or first.send_signal(signal.SIGTERM), "the worker has ended")
    working.worker("Gated")
    has_its_retry(working, run_id, wait_until)


def test_a_deploy_leaves_running_runs_alone(working, wait_until):
    """A deploy in the middle of a run: the run ends on its own code, the next has the new, by the same worker."""
    old = trigger(working)
    wait_until(lambda: began(working, old) == ["0"], "the run is in its second step")
    gated(working, "new")
    deployed = working.run("deploy", "gated.py", "-o", "json")
    assert json.loads(deployed.stdout)["changes"]
    new = trigger(working)
    for run_id, code in ((old, "old"), (new, "new")):
        go(working, run_id)
        assert working.run("runs", "watch", run_id).returncode == 0
        assert show(working, f"Gated/{run_id}", "run.data.code") == code
    assert working.processes[-1].poll() is None


@pytest.fixture
def small_history(served):
    """Address of a server that asks a workflow to continue as new after 100 events."""
    port = free_port()
    command = [str(shutil.which("temporal", path=served.env["PATH"])), "server", "start-dev", "--headless"]
    limit = ["--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=100"]
    with (served.folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, *limit, "--port", str(port)], env=served.env, stdout=log, stderr=log
        )
    served.processes.append(process)
    return f"127.0.0.1:{port}"


PAUSED_TURNS = range(10, 40)


def act(address: str, doing):
    """The result of an asynchronous function of a client."""

    async def acted():
        return await doing(await Client.connect(address))

    return asyncio.run(acted())


def continued_when_paused(served, run_id: str, wait_until) -> bool:
    """Pause the run in one turn after the other, until one ends the history: whether it did, and the pause held."""

    def ask(doing):
        return act(served.env["TEMPORAL_ADDRESS"], lambda client: doing(client, run_id))

    def done() -> int:
        counts = act(
            served.env["TEMPORAL_ADDRESS"],
            lambda client: outcome.progress(lookup.workflow_handle(client, run_id)),
        )
        return 0 if counts is None else counts["again"].get("done", 0)

    for turn in PAUSED_TURNS:
        wait_until((served.folder / f"held-{turn}").exists, "the turn is running")
        assert ask(actions.pause)
        before = ask(lookup.describe)
        (served.folder / f"hold-{turn}").unlink()
        wait_until(lambda turn=turn: done() == turn, "the turn has ended")
        after = ask(lookup.describe)
        assert (before.status, after.status) == ("paused", "paused")
        assert not (served.folder / f"held-{turn + 1}").exists()
        last = after.execution_id != before.execution_id
        for left in served.folder.glob("hold-*") if last else ():
            left.unlink()
        assert ask(actions.unpause)
        if last:
            return True
    return False


@pytest.mark.soak
def test_a_long_run_continues_as_new(served, small_history, wait_until):
    """A loop and a wide foreach that fill many histories end as if in one, each join input there and in order.

    A run that is paused when it continues is paused in its next history.
    """
    served.env["TEMPORAL_ADDRESS"] = small_history
    served.flow("loop.py", LOOP.replace("FOLDER", str(served.folder)))
    wait_until(lambda: served.run("deploy", "loop.py").returncode == 0, "the server is up")
    served.worker("Loop")
    for turn in PAUSED_TURNS:
        (served.folder / f"hold-{turn}").touch()
    run_id = served.run("trigger", "Loop", "-o", "name").stdout.strip()
    assert continued_when_paused(served, run_id, wait_until), "none of the turns was the last of its history"
    ended = act(
        small_history, lambda client: outcome.wait_for_outcome(lookup.workflow_handle(client, run_id))
    )
    assert ended.status == "completed", ended
    run = f"Loop/{run_id}"
    expected = f"True 60 {list(range(330))}"
    assert (
        show(served, run, "run.successful, run['fan'].task.data.count, run['join'].task.data.got") == expected
    )
    described = served.command("temporal", "workflow", "describe", "-w", run.split("/")[1], "-o", "json")
    assert int(json.loads(described.stdout)["workflowExecutionInfo"]["historyLength"]) < 400
