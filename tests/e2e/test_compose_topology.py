"""docker-compose.yml with processes in the place of containers: the same command lines, and real parts behind them."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import warm
import yaml
from metadataservice import metadata_service
from objectstore import object_store
from reader import Reader

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

SERVICES = yaml.safe_load((Path(__file__).resolve().parents[2] / "docker-compose.yml").read_text())[
    "services"
]
FLOW = """
from metaflow import FlowSpec, step

class Totals(FlowSpec):
    @step
    def start(self):
        self.parts = [1, 2, 3]
        self.next(self.work, foreach="parts")

    @step
    def work(self):
        self.result = self.input * 2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(one.result for one in inputs)
        self.next(self.end)

    @step
    def end(self):
        print("total", self.total)

if __name__ == "__main__":
    Totals()
"""


@pytest.fixture(scope="module")
def environment(server, tmp_path_factory):
    """What the services that run mftctl have, with the addresses of real parts in place of services' names."""
    folders = tmp_path_factory.mktemp("s3"), tmp_path_factory.mktemp("service")
    with object_store(folders[0]) as store, metadata_service(folders[1]) as service:
        given = SERVICES["mftctl"]["environment"]
        here = {**store, **service.env, "TEMPORAL_ADDRESS": server}
        env = {name: here.get(name, value) for name, value in given.items()}
        names = "|".join(map(re.escape, SERVICES))
        assert not [one for one in env.values() if re.search(rf"(^|//)({names}):\d", one)]
        yield env


def test_each_queue_has_its_worker(lodging, environment) -> None:
    """A flow whose splits go to another queue runs on both workers of the file, over S3 and a metadata service."""
    logs = {}
    for name, service in SERVICES.items():
        if name.startswith("worker-"):
            (lodging.folder / name).mkdir()
            own = {"MFTCTL_CACHE": str(lodging.folder / name / "cache"), "METAFLOW_USER": "worker"}
            words = (*warm.COMMAND, *service["command"])
            logs[name.removeprefix("worker-")] = lodging.serve(*words, **environment, **own)
    lodging.flow("totals.py", FLOW)
    queues = ["--task-queue", "default", "--step-queue", "work=large"]
    deployed = lodging.run("deploy", "totals.py", *queues, "-o", "json", **environment)
    assert deployed.returncode == 0, deployed.stderr
    triggered = lodging.run("trigger", "Totals", "--wait", "-o", "name", timeout=300, **environment)
    assert triggered.returncode == 0, triggered.stderr
    run = triggered.stdout.strip()
    done = {
        queue: sorted(re.findall(rf"Totals/{run}/(\w+)/\S+ finished$", log.read_text(), re.MULTILINE))
        for queue, log in logs.items()
    }
    assert done == {"default": ["end", "join", "start"], "large": ["work"] * 3}
    assert "total 12" in lodging.run("runs", "logs", run, "end", **environment).stdout
    workers = json.loads(lodging.run("workers", "list", "-o", "json", **environment).stdout)
    assert {"default", "large"} <= {queue for worker in workers for queue in worker["task_queues"]}
    for process in lodging.processes:
        process.terminate()
    for process in lodging.processes:
        process.wait(60)


class FleetReader(Reader):
    """Whose `docker compose` starts and stops processes with the command lines of the services."""

    def __init__(self, home, environment, wait_until) -> None:
        super().__init__(home, "SalesFlow", wait_until)
        self._environment = environment
        self._workers: dict[str, subprocess.Popen[str]] = {}

    def run(self, command, *, checked: bool) -> None:
        """As any reader."""
        if command.words.startswith("export "):
            given = dict(one.split("=", 1) for one in command.words.split()[1:])
            here = {name: self._environment.get(name, value) for name, value in given.items()}
            self.place = replace(self.place, env={**self.place.env, **here})
        elif command.words.startswith("docker compose "):
            self._compose(*command.words.split()[2:])
        else:
            super().run(command, checked=checked)

    def _compose(self, verb: str, *words: str) -> None:
        names = [word for word in words if not word.startswith("--")] or [
            name for name in SERVICES if name.startswith("worker-")
        ]
        for name in names:
            if verb in {"up", "start"}:
                self._start(name)
            else:
                worker = self._workers.pop(name)
                worker.terminate()
                worker.wait(60)

    def _start(self, name: str) -> None:
        cache = self.home.folder / name / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        self.home.serve(
            *warm.COMMAND,
            *SERVICES[name]["command"],
            **self._environment,
            MFTCTL_CACHE=str(cache),
            METAFLOW_USER="worker",
        )
        self._workers[name] = self.home.processes[-1]


def test_a_reader_of_the_page_about_a_fleet_sees_what_it_shows(lodging, environment, wait_until) -> None:
    """From `docker compose up` to a scheduled flow on two task queues; the links are those of the services."""
    page = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "5-fleet.md"
    FleetReader(lodging, environment, wait_until).follow(page)
    published = {port.split(":")[1] for one in SERVICES.values() for port in one.get("ports", ())}
    assert set(re.findall(r"localhost:(\d+)", page.read_text())) <= published
    dashboard = Path(__file__).resolve().parents[2] / "packaging" / "monitoring" / "dashboard.json"
    (uid,) = re.findall(r"localhost:3000/d/([\w-]+)", page.read_text())
    assert json.loads(dashboard.read_text())["uid"] == uid
