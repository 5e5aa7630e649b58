"""docker-compose.yml with processes in the place of containers: the same command lines, and real parts behind them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import warm
import yaml
from metadataservice import metadata_service
from objectstore import object_store

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

SERVICES = yaml.safe_load((Path(__file__).resolve().parents[2] / "docker-compose.yml").read_text())[
    "services"
]
FLOW = """
from metaflow import FlowSpec, step

class NAME(FlowSpec):
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
    NAME()
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
    """Flows deployed to the two task queues run on the workers of the file, each on its own, over S3 and metadata."""
    logs = {}
    for name, service in SERVICES.items():
        if name.startswith("worker-"):
            (lodging.folder / name).mkdir()
            own = {"MFTCTL_CACHE": str(lodging.folder / name / "cache"), "METAFLOW_USER": "worker"}
            words = (*warm.COMMAND, *service["command"])
            logs[name.removeprefix("worker-")] = lodging.serve(*words, **environment, **own)
    runs = {}
    for queue in logs:
        flow = f"{queue.title()}Flow"
        lodging.flow(f"{queue}.py", FLOW.replace("NAME", flow))
        deployed = lodging.run("deploy", f"{queue}.py", "--task-queue", queue, "-o", "json", **environment)
        assert deployed.returncode == 0, deployed.stderr
        assert json.loads(deployed.stdout)["task_queue"] == queue
        triggered = lodging.run("trigger", flow, "--wait", "-o", "name", timeout=300, **environment)
        assert triggered.returncode == 0, triggered.stderr
        runs[queue] = triggered.stdout.strip()
    for queue, log in logs.items():
        text = log.read_text()
        assert text.count(" finished\n") == 6, text
        assert runs[queue] in text
        assert not [run for other, run in runs.items() if other != queue and run in text]
        logged = lodging.run("runs", "logs", runs[queue], "end", **environment)
        assert "total 12" in logged.stdout
    described = lodging.run("deployments", "describe", "DefaultFlow", "-o", "json", **environment)
    assert len(json.loads(described.stdout)["workers"]) == 1
