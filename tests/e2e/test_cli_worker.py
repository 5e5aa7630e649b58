"""`mftctl worker`: what it serves, and how it stops."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest
from temporalio.client import Client

FLOW = """
import os, time
from metaflow import FlowSpec, current, retry, step

class WorkerFlow(FlowSpec):
    @retry(times=1, minutes_between_retries=0)
    @step
    def start(self):
        self.attempt = current.retry_count
        with open(os.environ["MARKS"], "a") as marks:
            marks.write(f"{current.retry_count}\\n")
        while not os.path.exists(os.environ["GO"]):
            time.sleep(0.05)
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    WorkerFlow()
"""

CONFIGURED = """
import os
from metaflow import Config, FlowSpec, config_expr, project, step

@project(name=config_expr("settings.name"))
class ConfiguredFlow(FlowSpec):
    settings = Config("settings", default_value={"name": "deployed"})

    @step
    def start(self):
        print("settings of", self.settings.name, sorted(name for name in os.environ if "FLOW_CONFIG" in name))
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    ConfiguredFlow()
"""


#: What a worker's environment says of Configs was meant for some other flow, or for another orchestrator.
STRAY = {
    "METAFLOW_FLOW_CONFIG": '{"other": "nowhere.json"}',
    "METAFLOW_FLOW_CONFIG_VALUE": '{"settings": {"name": "stray"}}',
}


@pytest.fixture(scope="module")
def place(lodging):
    """A home whose flows' first steps say that they began and wait for a file."""
    lodging.env.update(MARKS=str(lodging.folder / "marks"), GO=str(lodging.folder / "go"))
    return lodging


@pytest.fixture(scope="module")
def anywhere(place) -> Path:
    """The log of a worker of all deployments, with a stray environment."""
    return place.worker("--all", **STRAY)


def started(log: Path) -> list[str]:
    """The tasks that a worker has started, in order."""
    return [line.split()[1] for line in log.read_text().splitlines() if line.endswith(" started")]


def test_signals_and_priorities(place, request: pytest.FixtureRequest, wait_until) -> None:
    """SIGTERM: no new task, the running one ends well, a parting word, exit code 0. Of the tasks that wait then, the
    run of the highest priority goes first, among deployments of one task queue. A second signal stops the tasks, which
    run again elsewhere: no retry of the user's is used.
    """
    for priority in ("5", "1"):
        source = FLOW.replace("WorkerFlow", f"Priority{priority}Flow")
        file = str(place.flow(f"priority{priority}_flow.py", source))
        options = ["--priority", priority, "--task-queue", "shared-by-priority"]
        assert place.run("deploy", file, *options).returncode == 0
    log = place.worker("Priority5Flow", "--concurrency", "1")
    worker = place.processes[-1]
    runs = []
    for number, priority in enumerate(("5", "5", "1")):
        run_id = place.run("trigger", f"Priority{priority}Flow", "-o", "name").stdout.strip()
        wait_until(
            lambda one=run_id: asyncio.run(waits(place.env["TEMPORAL_ADDRESS"], one)), "its task waits"
        )
        if number == 0:
            wait_until(lambda: started(log), "the first one's task runs")
        runs.append(run_id)
    wait_until((place.folder / "marks").exists, "the task runs")
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: "shutting down gracefully." in log.read_text(), "the worker says that it stops")
    assert worker.poll() is None
    (place.folder / "go").touch()
    assert worker.wait(60) == 0
    assert started(log) == [f"Priority5Flow/{runs[0]}/start/temporal-start-0"]

    log = place.worker("Priority5Flow", "--concurrency", "1")
    worker = place.processes[-1]
    for run_id in runs:
        assert place.run("runs", "watch", run_id, "--timeout", "60s").returncode == 0
    assert started(log)[0] == f"Priority1Flow/{runs[2]}/start/temporal-start-0"
    assert (place.folder / "marks").read_text() == "0\n" * 3

    for name in ("go", "marks"):
        (place.folder / name).unlink()
    run_id = place.run("trigger", "Priority1Flow", "-o", "name").stdout.strip()
    wait_until((place.folder / "marks").exists, "the task runs")
    worker.send_signal(signal.SIGINT)
    wait_until(lambda: "shutting down gracefully." in log.read_text(), "the worker says that it stops")
    wait_until(lambda: _second(worker, log), "the second signal is heard", timeout=60)
    assert worker.wait(60) == 0
    assert "they run again on another worker" in log.read_text()
    (place.folder / "go").touch()
    request.getfixturevalue("anywhere")
    assert place.run("runs", "watch", run_id, "--timeout", "60s").returncode == 0


def _second(process, log: Path) -> bool:
    """Signals that come together count as one, so this one is sent until it is heard, and not at the very end."""
    if "stopping the running tasks" in log.read_text():
        return True
    process.send_signal(signal.SIGINT)
    return False


@pytest.mark.usefixtures("anywhere")
def test_all_serves_what_is_deployed_later(place) -> None:
    """A worker of all deployments takes new ones, and new versions, without a restart."""
    (place.folder / "go").touch()
    versions = set()
    for text in ("one", "two"):
        file = place.flow("worker_flow.py", FLOW + f"# {text}\n")
        assert place.run("deploy", str(file), "--name", "late").returncode == 0
        done = place.run("trigger", "late", "--wait", "--timeout", "60", "-o", "json")
        assert done.returncode == 0, done.stderr
        versions.add(json.loads(done.stdout)["version"])
    assert len(versions) == 2


@pytest.mark.usefixtures("anywhere")
def test_configs_are_those_of_the_deploy(place) -> None:
    """What the worker's environment says of Configs counts for nothing."""
    assert place.run("deploy", str(place.flow("configured_flow.py", CONFIGURED))).returncode == 0
    done = place.run("trigger", "ConfiguredFlow", "--wait", "--timeout", "60", "-o", "name")
    assert done.returncode == 0, done.stderr
    logs = ("--quiet", "logs", "show", "--stdout", f"{done.stdout.strip()}/start")
    said = place.command(sys.executable, "configured_flow.py", *logs)
    assert said.stdout == "settings of deployed []\n", said.stderr


async def waits(server: str, run_id: str) -> bool:
    client = await Client.connect(server)
    return bool((await client.get_workflow_handle(run_id).describe()).raw_description.pending_activities)


def test_an_unknown_name_is_exit_code_4(place) -> None:
    """Said at once, not served in silence."""
    done = place.run("worker", "nobody")
    assert done.returncode == 4
    assert "nobody" in done.stderr


def test_a_file_that_is_no_worker_file_is_refused(place) -> None:
    """A usage error."""
    file = place.flow("other.py", "x = 1\n")
    assert place.run("worker", str(file)).returncode == 2


@pytest.mark.parametrize("arguments", [["--concurrency", "0"], ["--isolation", "thread"]])
def test_settings_that_make_no_sense_are_refused(place, arguments: list[str]) -> None:
    """Exit code 2."""
    assert place.run("worker", "--all", *arguments).returncode == 2


def test_no_server_is_exit_code_5(home) -> None:
    """A worker that reaches no server says so and ends."""
    assert home.run("worker", "--all", "--address", "127.0.0.1:9").returncode == 5
