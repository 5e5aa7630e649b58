"""Workers are replaced by version: a run stays on the version that it began on, and a drained one has none left."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from receiver import Receiver, receiving
from temporalio.api.deployment.v1 import RoutingConfig
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentRampingVersionRequest,
)
from temporalio.client import Client

FLOW = """
import os, time
from metaflow import FlowSpec, Parameter, current, step, trigger

@trigger(event="rolled")
class Rolled(FlowSpec):
    hold = Parameter("hold", default="")

    def mark(self):
        self.worker = os.environ["WORKER"]

    @step
    def start(self):
        self.mark()
        self.splits = [1, 2]
        while self.hold and not os.path.exists(self.hold):
            time.sleep(0.05)
        self.next(self.work, foreach="splits")

    @step
    def work(self):
        self.mark()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.workers = sorted({one.worker for one in inputs})
        self.next(self.end)

    @step
    def end(self):
        self.mark()

if __name__ == "__main__":
    Rolled()
"""
#: Names of the tests' own, on a server that other tests use, too.
OLD, NEW = "rolling:v1", "rolling:v2"
PROMOTE = f"version {OLD} is not promoted: mftctl workers promote {OLD}"
QUEUE = ("--task-queue", "rolling")
RAMPED = "rolling:v3"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Gets the notifications of all runs."""
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def rolled(lodging, receiver: Receiver):
    """A home with a deployment, which is not served yet."""
    lodging.flow("rolled.py", FLOW)
    done = lodging.run("deploy", "rolled.py", *QUEUE, "--notify-url", receiver.url)
    assert done.returncode == 0, done.stderr
    return lodging


def started(home, **parameters: str) -> str:
    words = [f"{name}={value}" for name, value in parameters.items()]
    return home.run("trigger", "Rolled", *words, "-o", "name").stdout.strip()


async def ramp(server: str, version: str) -> None:
    """Give half of what is new to a version, or to workers that have none (NAME:)."""
    client = await Client.connect(server)
    name, _, build = version.partition(":")
    await client.workflow_service.set_worker_deployment_ramping_version(
        SetWorkerDeploymentRampingVersionRequest(
            namespace="default", deployment_name=name, build_id=build, percentage=50, allow_no_pollers=True
        )
    )


async def routed(server: str) -> RoutingConfig:
    """Where what is new goes."""
    client = await Client.connect(server)
    answer = await client.workflow_service.describe_worker_deployment(
        DescribeWorkerDeploymentRequest(namespace="default", deployment_name="rolling")
    )
    return answer.worker_deployment_info.routing_config


def workers_of(home, run_id: str) -> list[str]:
    """On which workers the tasks of a run were."""
    program = (
        "from metaflow import Flow, namespace; namespace(None)\n"
        f"data = [Flow('Rolled')['{run_id}'][step].task.data for step in ('start', 'join', 'end')]\n"
        "print(data[0].worker, *data[1].workers, data[2].worker)"
    )
    return home.python("-c", program).stdout.split()


def finished(home) -> set[str]:
    """The completed runs of the deployment: other tests use the server, too."""
    words = ("--deployment", "Rolled", "--status", "completed", "-o", "json")
    return {one["run_id"] for one in json.loads(home.run("runs", "list", *words).stdout)}


def told(receiver: Receiver) -> list[str]:
    """The runs whose ends were posted."""
    return [json.loads(body)["run_id"] for _, body in receiver.got]


def versions(home) -> dict[str, tuple[str, int]]:
    """Status and open runs of the versions of this file."""
    listed = json.loads(home.run("workers", "versions", "-o", "json").stdout)
    ours = [one for one in listed if one["version"].startswith("rolling:")]
    return {one["version"]: (one["status"], one["runs"]) for one in ours}


def test_a_version_is_replaced_under_its_runs(rolled, receiver: Receiver, wait_until) -> None:
    """The old version keeps its run and takes no other; then it is drained, and what outlives runs follows the new one.

    That is the listener, and the notification of a run that ended while its receiver was away.
    """
    hold = rolled.folder / "go"
    log = rolled.worker("--queue", "rolling", "--deployment-version", OLD, WORKER="old")
    old = rolled.processes[-1]
    wait_until(lambda: f"mftctl workers promote {OLD}" in log.read_text(), "it says that it takes no run")
    waiting = started(rolled)
    why = f"no worker takes new runs of Rolled, as {PROMOTE}"
    wait_until(lambda: why in rolled.run("runs", "describe", waiting).stderr, "it says why the run waits")
    for words in (
        ("deployments", "list"),
        ("deployments", "describe", "Rolled"),
        ("deploy", "rolled.py", *QUEUE, "--notify-url", receiver.url),
    ):
        assert why in rolled.run(*words).stderr
    note = f"run {waiting} has been waiting for a worker on task queue rolling"
    wait_until(
        lambda: note in (listed := rolled.run("runs", "list").stderr) and PROMOTE in listed, "a list, too"
    )
    done = rolled.run("workers", "promote", OLD)
    assert (done.returncode, done.stdout) == (0, f"version {OLD} takes new runs\n"), done.stderr
    assert rolled.run("runs", "watch", waiting).returncode == 0
    assert "no worker" not in rolled.run("deploy", "rolled.py", *QUEUE, "--notify-url", receiver.url).stderr

    held = started(rolled, hold=str(hold))
    wait_until(lambda: f"{held}/start" in log.read_text(), "the run has begun")
    assert json.loads(rolled.run("runs", "describe", held, "-o", "json").stdout)["worker_version"] == OLD
    refused = rolled.run("workers", "drain", OLD)
    assert refused.returncode == 6
    assert "--to" in refused.stderr

    rolled.worker("--queue", "rolling", "--deployment-version", NEW, WORKER="new")
    draining = rolled.folder / "draining.log"
    drain = rolled.start("workers", "drain", OLD, "--to", NEW, log=draining)
    wait_until(lambda: f"1 run left on version {OLD}" in draining.read_text(), "it is draining")
    # The server's answers may be a moment old.
    wait_until(lambda: versions(rolled) == {OLD: ("draining", 1), NEW: ("current", 0)}, "both are listed")
    fresh = started(rolled)
    assert rolled.run("runs", "watch", fresh).returncode == 0
    assert workers_of(rolled, fresh) == ["new"] * 3
    assert drain.poll() is None

    receiver.answers = [503] * 100
    hold.touch()
    assert rolled.run("runs", "watch", held).returncode == 0
    assert drain.wait(60) == 0
    assert draining.read_text().endswith(f"version {OLD} has no run left: stop its workers\n")
    assert workers_of(rolled, held) == ["old"] * 3
    old.send_signal(signal.SIGTERM)
    assert old.wait(60) == 0
    receiver.got, receiver.answers = [], []
    wait_until(lambda: held in told(receiver), "the new version sends the notification")

    assert rolled.run("events", "publish", "rolled").returncode == 0
    known = {waiting, held, fresh}
    wait_until(lambda: finished(rolled) - known, "the event has started a run")
    (of_event,) = finished(rolled) - known
    assert workers_of(rolled, of_event) == ["new"] * 3


def test_a_run_whose_version_has_no_worker_says_so(rolled, wait_until) -> None:
    """It waits for one of its version, whatever other workers serve the task queue; resumed, it goes to those."""
    hold: Path = rolled.folder / "never"
    log = rolled.worker("--queue", "rolling", "--deployment-version", RAMPED, WORKER="lost")
    lost = rolled.processes[-1]
    assert rolled.run("workers", "promote", RAMPED).returncode == 0
    held = started(rolled, hold=str(hold))
    wait_until(lambda: f"{held}/start" in log.read_text(), "the run has begun")
    assert rolled.run("workers", "promote", NEW).returncode == 0

    def has_ended() -> bool:
        lost.send_signal(signal.SIGTERM)  # the second one stops its task, too
        return lost.poll() is not None

    wait_until(has_ended, "the worker has ended")
    hold.touch()
    start = f"start one with: mftctl worker --queue rolling --deployment-version {RAMPED}"
    why = f"no worker of version {RAMPED} serves Rolled; {start}"
    wait_until(lambda: why in rolled.run("runs", "describe", held).stderr, "it says so")
    assert why in rolled.run("runs", "describe", "@latest", "--deployment", "Rolled").stderr
    note = (
        f"rolling, which no worker of version {RAMPED} serves; start one with: mftctl worker --queue rolling"
    )
    wait_until(lambda: note in rolled.run("queues", "list").stderr, "the list of task queues, too")
    assert rolled.run("runs", "terminate", held, "--yes").returncode == 0
    assert rolled.run("runs", "resume", held).returncode == 0
    assert rolled.run("runs", "watch", held).returncode == 0
    assert set(workers_of(rolled, held)) == {"new"}


def test_a_version_with_a_share_of_new_runs_is_drained(rolled, server: str) -> None:
    """It is not as long as it has its share, which the version that takes new runs instead gets.

    So it gets the share of workers without a version.
    """
    asyncio.run(ramp(server, RAMPED))
    refused = rolled.run("workers", "drain", RAMPED)
    assert (refused.returncode, f"version {RAMPED} is ramping: it takes new runs" in refused.stderr) == (
        6,
        True,
    )
    done = rolled.run("workers", "drain", RAMPED, "--to", NEW)
    assert (done.returncode, done.stdout) == (0, f"version {RAMPED} has no run left: stop its workers\n")
    asyncio.run(ramp(server, "rolling:"))
    assert rolled.run("workers", "promote", NEW).returncode == 0
    routing = asyncio.run(routed(server))
    assert (routing.current_deployment_version.build_id, routing.ramping_version_percentage) == ("v2", 0)


def test_a_version_that_lacks_a_task_queue_takes_no_new_run(rolled) -> None:
    """Its workers would leave runs of the version before without one."""
    rolled.worker("--queue", "elsewhere", "--deployment-version", "rolling:v4", WORKER="elsewhere")
    done = rolled.run("workers", "promote", "rolling:v4")
    assert done.returncode == 6
    assert "version rolling:v4 cannot take new runs" in done.stderr
    assert versions(rolled)[NEW][0] == "current"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["promote", "rolling:none"], 4, "no worker has had the version rolling:none"),
        (["drain", "nobody:v1"], 4, "start workers with --deployment-version nobody:v1"),
        (["drain", "a.b:v1"], 2, "VERSION: the name 'a.b' is not made of"),
        (["drain", "rolling:v1", "--to", "rolling:v1"], 2, "is not another version of rolling"),
        (["drain", "rolling:v1", "--to", "other:v2"], 2, "is not another version of rolling"),
    ],
)
def test_a_wrong_version_is_one_line(rolled, words: list[str], code: int, message: str) -> None:
    """With the exit code, and what to do."""
    done = rolled.run("workers", *words)
    assert done.returncode == code
    assert message in done.stderr


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"MFTCTL_DEPLOYMENT_VERSION": "a b"}, "MFTCTL_DEPLOYMENT_VERSION"),
        ({"TEMPORAL_DEPLOYMENT_NAME": "x.y", "TEMPORAL_WORKER_BUILD_ID": "1"}, "TEMPORAL_WORKER_BUILD_ID"),
    ],
)
def test_a_worker_does_not_start_with_a_wrong_version(rolled, given: dict[str, str], message: str) -> None:
    """Of a variable of its own, or those of Temporal's worker controller for Kubernetes."""
    done = rolled.run("worker", "--all", **given)
    assert done.returncode == 2
    assert message in done.stderr
