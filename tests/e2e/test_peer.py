"""The command lines of metaflow-temporal's README, as its users have them in their scripts."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys

from temporalio.client import Client, WorkflowExecutionDescription

FLOW = """
import os
from metaflow import FlowSpec, Parameter, current, get_namespace, project, step

@project(name="myproject")
class TrainFlow(FlowSpec):
    \"\"\"Trains.\"\"\"

    label = Parameter("name", default="")

    @step
    def start(self):
        self.namespace, self.branch = get_namespace(), current.branch_name
        self.next(self.train)

    @step
    def train(self):
        if not os.path.exists({gate!r}):
            raise ValueError("no data yet")
        self.doubled = 42
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    TrainFlow()
"""
FETCH = """
import json, metaflow
task = metaflow.Task("TrainFlow/{run_id}/train/temporal-train-0-g1")
start, run = metaflow.Step("TrainFlow/{run_id}/start").task.data, metaflow.Run("TrainFlow/{run_id}")
print(json.dumps([task.data.doubled, start.namespace, start.branch, sorted(run.tags)]))
"""


def test_a_flow_moves_over_from_metaflow_temporal(home, server, wait_until) -> None:
    """Branches, tags, a namespace, a timeout; a worker file that knows its server; a failed run is resumed."""
    gate = home.folder / "gate"
    file = str(home.flow("train_flow.py", FLOW.format(gate=str(gate))))
    tags = [
        "--tag",
        "team:ml",
        "--tag",
        "env:prod",
        "--namespace",
        "production",
        "--workflow-timeout",
        "7200",
    ]
    host = ["--temporal-host", server]
    queues = set()
    for name, branch in (
        ("prod", ["--production"]),
        ("test.staging", ["--branch", "staging"]),
        ("user.tester", []),
    ):
        words = ["temporal", "create", "--output", f"{name}_worker.py", *branch, *tags, *host]
        done = home.python(file, *words)
        assert f"deployment\tmyproject.{name}.TrainFlow\n" in done.stdout, done.stderr
        queues |= set(re.findall("task queue\t(.*)", done.stdout))
    assert len(queues) == 3
    log = home.folder / "worker.log"
    with log.open("w") as output:
        worker = subprocess.Popen(
            [sys.executable, "user.tester_worker.py"],
            cwd=home.folder,
            env=home.env,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
    home.processes.append(worker)
    wait_until(lambda: f"serving myproject.user.tester.TrainFlow on {server}" in log.read_text(), "it serves")

    triggered = home.python("user.tester_worker.py", "trigger")
    assert triggered.returncode == 3, triggered.stderr
    assert "no data yet" in triggered.stderr
    (run_id,) = re.findall(r"^Workflow failed. Run ID: (temporal-trainflow-\w+)\n$", triggered.stdout)

    gate.touch()
    longer = ["--workflow-timeout", "9000"]
    resumed = home.command(sys.executable, file, "temporal", "resume", run_id, *longer, *host)
    assert (resumed.returncode, resumed.stdout) == (0, run_id + "\n"), resumed.stderr
    words = [file, "temporal", "status", run_id, *host]
    wait_until(lambda: home.python(*words).stdout == "SUCCEEDED\n", "the resumed run ends")
    said = home.python(
        "-c",
        "from metaflow import namespace; namespace(None)\n" + FETCH.format(run_id=run_id),
    )
    doubled, namespace, branch, found = json.loads(said.stdout)
    assert (doubled, namespace, branch) == (42, "production", "user.tester")
    assert {"team:ml", "env:prod", "project:myproject", "project_branch:user.tester"} <= set(found)

    run = asyncio.run(described(server, run_id))
    assert run.raw_description.execution_config.workflow_execution_timeout.seconds >= 9000

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert log.read_text().endswith("Worker shutting down gracefully.\n")


def test_a_worker_file_that_is_told_not_to_wait_does_not(served) -> None:
    """With `--no-wait` it is quick, also where no worker serves; for programs it says what `mftctl trigger` says."""
    gate = str(served.folder)
    file = str(served.flow("train_flow.py", FLOW.format(gate=gate)))
    options = ["--branch", "quick", "--workflow-title", "Quick", "--priority", "2"]
    assert served.run("deploy", file, "--output", "w.py", *options).returncode == 0
    text = served.python("w.py", "trigger", "--no-wait")
    (run_id,) = re.findall(r"^Run ID: (temporal-trainflow-\w+)\n$", text.stdout)
    plain = json.loads(served.python("w.py", "trigger", "--no-wait", "-o", "json").stdout)
    assert (plain["status"], plain["worker"]) == ("running", False)

    run = asyncio.run(described(served.env["TEMPORAL_ADDRESS"], run_id))
    assert run.raw_description.workflow_execution_info.priority.priority_key == 2
    assert asyncio.run(run.static_summary()) == "Quick"
    assert asyncio.run(run.static_details()) == "Trains."


def test_an_option_that_is_called_like_a_parameter_is_the_parameters(served) -> None:
    """`trigger --name` of a flow with a parameter `name`; of others it is the deployment, as behind `temporal`."""
    file = str(served.flow("train_flow.py", FLOW.format(gate="")))
    assert served.run("deploy", file, "--branch", "named").returncode == 0
    words = ["--quiet", "--branch", "named", "temporal", "trigger", "--name", "moon"]
    run_id = served.python(file, *words).stdout.strip()

    async def given() -> dict:
        client = await Client.connect(served.env["TEMPORAL_ADDRESS"])
        history = await client.get_workflow_handle(run_id).fetch_history()
        started = history.events[0].workflow_execution_started_event_attributes
        (plain,) = await client.data_converter.decode(started.input.payloads, [dict])
        return plain["parameters"]

    assert asyncio.run(given()) == {"name": "moon"}


async def described(server: str, run_id: str) -> WorkflowExecutionDescription:
    client = await Client.connect(server)
    return await client.get_workflow_handle(run_id).describe()
