"""`mftctl worker`: what it serves, and how it stops."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

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


@pytest.fixture
def deployed(served, request: pytest.FixtureRequest):
    """A home with a deployment whose first step says that it began and waits for a file."""
    name = f"w{abs(hash(request.node.nodeid)):x}"
    served.env.update(MARKS=str(served.folder / "marks"), GO=str(served.folder / "go"))
    done = served.run("deploy", str(served.flow("worker_flow.py", FLOW)), "--name", name)
    assert done.returncode == 0, done.stderr
    return served, name


def test_the_first_signal_lets_running_tasks_finish(deployed, wait_until) -> None:
    """SIGTERM: no new task, the running one ends well, a parting word, exit code 0."""
    home, name = deployed
    log = home.worker(name)
    run = home.start("trigger", name, "--wait", "-o", "json")
    wait_until((home.folder / "marks").exists, "the task runs")
    home.processes[0].send_signal(signal.SIGTERM)
    wait_until(lambda: "shutting down gracefully." in log.read_text(), "the worker says that it stops")
    assert home.processes[0].poll() is None
    (home.folder / "go").touch()
    assert home.processes[0].wait(60) == 0
    home.worker(name)
    assert run.wait(60) == 0
    assert (home.folder / "marks").read_text() == "0\n"


def test_a_second_signal_stops_the_tasks_which_run_again_elsewhere(deployed, wait_until) -> None:
    """The task is stopped, another worker makes it again, and the user's retries are all still there."""
    home, name = deployed
    log = home.worker(name)
    run = home.start("trigger", name, "--wait", "-o", "json")
    wait_until((home.folder / "marks").exists, "the task runs")
    home.processes[0].send_signal(signal.SIGINT)
    wait_until(lambda: "shutting down gracefully." in log.read_text(), "the worker says that it stops")
    wait_until(lambda: _second(home.processes[0]), "the second signal is heard", timeout=60)
    assert home.processes[0].wait(60) == 0
    assert "they run again elsewhere" in log.read_text()
    (home.folder / "go").touch()
    home.worker(name)
    assert run.wait(90) == 0


def _second(process) -> bool:
    """Signals that come together count as one, so this one is sent until it is heard."""
    process.send_signal(signal.SIGINT)
    return process.poll() is not None


def test_all_serves_what_is_deployed_later(served) -> None:
    """A worker of all deployments takes new ones, and new versions, without a restart."""
    (served.folder / "go").touch()
    served.env.update(MARKS=str(served.folder / "marks"), GO=str(served.folder / "go"))
    served.worker("--all")
    versions = set()
    for text in ("one", "two"):
        file = served.flow("worker_flow.py", FLOW + f"# {text}\n")
        assert served.run("deploy", str(file), "--name", "late").returncode == 0
        done = served.run("trigger", "late", "--wait", "--timeout", "60", "-o", "json")
        assert done.returncode == 0, done.stderr
        versions.add(json.loads(done.stdout)["version"])
    assert len(versions) == 2


def test_configs_are_those_of_the_deploy(served) -> None:
    """What the worker's environment says of Configs was meant for some other flow, or for another orchestrator."""
    assert served.run("deploy", str(served.flow("configured_flow.py", CONFIGURED))).returncode == 0
    stray = {
        "METAFLOW_FLOW_CONFIG": '{"other": "nowhere.json"}',
        "METAFLOW_FLOW_CONFIG_VALUE": '{"settings": {"name": "stray"}}',
    }
    served.worker("deployed.user.tester.ConfiguredFlow", **stray)
    done = served.run("trigger", "ConfiguredFlow", "--wait", "--timeout", "60", "-o", "name")
    assert done.returncode == 0, done.stderr
    logs = ("--quiet", "logs", "show", "--stdout", f"{done.stdout.strip()}/start")
    said = served.command(sys.executable, "configured_flow.py", *logs)
    assert said.stdout == "settings of deployed []\n", said.stderr


def test_the_run_of_the_highest_priority_goes_first(served, wait_until) -> None:
    """Among deployments of one task queue, when its worker has more to do than it can."""
    served.env.update(MARKS=str(served.folder / "marks"), GO=str(served.folder / "go"))
    for priority in ("5", "1"):
        source = FLOW.replace("WorkerFlow", f"Priority{priority}Flow")
        file = str(served.flow(f"priority{priority}_flow.py", source))
        options = ["--priority", priority, "--task-queue", "shared-by-priority"]
        assert served.run("deploy", file, *options).returncode == 0
    log = served.worker("Priority5Flow", "--concurrency", "1")

    def started() -> list[str]:
        return [line.split()[1] for line in log.read_text().splitlines() if line.endswith(" started")]

    for number, priority in enumerate(("5", "5", "1")):
        run_id = served.run("trigger", f"Priority{priority}Flow", "-o", "name").stdout.strip()
        wait_until(
            lambda one=run_id: asyncio.run(waits(served.env["TEMPORAL_ADDRESS"], one)), "its task waits"
        )
        if number == 0:
            wait_until(started, "the first one's task runs")
    (served.folder / "go").touch()
    wait_until(lambda: len(started()) > 1, "another task runs")
    assert started()[1] == f"Priority1Flow/{run_id}/start/temporal-start-0"


async def waits(server: str, run_id: str) -> bool:
    client = await Client.connect(server)
    return bool((await client.get_workflow_handle(run_id).describe()).raw_description.pending_activities)


def test_an_unknown_name_is_exit_code_4(served) -> None:
    """Said at once, not served in silence."""
    done = served.run("worker", "nobody")
    assert done.returncode == 4
    assert "nobody" in done.stderr


def test_a_file_that_is_no_worker_file_is_refused(served) -> None:
    """A usage error."""
    file = served.flow("other.py", "x = 1\n")
    assert served.run("worker", str(file)).returncode == 2


@pytest.mark.parametrize("arguments", [["--concurrency", "0"], ["--isolation", "thread"]])
def test_settings_that_make_no_sense_are_refused(served, arguments: list[str]) -> None:
    """Exit code 2."""
    assert served.run("worker", "--all", *arguments).returncode == 2


def test_no_server_is_exit_code_5(home) -> None:
    """A worker that reaches no server says so and ends."""
    assert home.run("worker", "--all", "--address", "127.0.0.1:9").returncode == 5
