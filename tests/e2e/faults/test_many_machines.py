"""Machines that share nothing but Temporal, S3 and the metadata service, while all of these fail them."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest
from links import Link
from machines import keys, machine, started_by
from metadataservice import metadata_service
from objectstore import object_store

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900), pytest.mark.xdist_group("many-machines")]

FLOW = """
import os, time
from metaflow import FlowSpec, Parameter, current, retry, step

ATTEMPTS = "FOLDER"

def note():
    name = f"{current.run_id}-{current.step_name}-{current.task_id}-{current.retry_count}"
    with open(f"{ATTEMPTS}/{name}", "a") as file:
        file.write("x")

class Far(FlowSpec):
    width = Parameter("width", default=24)

    @retry(times=4, minutes_between_retries=0)
    @step
    def start(self):
        note()
        self.items = list(range(self.width))
        self.next(self.body, foreach="items")

    @retry(times=4, minutes_between_retries=0)
    @step
    def body(self):
        note()
        for second in range(10 * int(os.environ.get("SECONDS", "0"))):
            time.sleep(0.1)
        self.got = {"item": self.input, "square": self.input ** 2, "bytes": bytes([self.input]) * 100_000}
        print("worked on", self.input)
        self.next(self.join)

    @retry(times=4, minutes_between_retries=0)
    @step
    def join(self, inputs):
        note()
        self.all = [one.got for one in inputs]
        self.next(self.end)

    @retry(times=4, minutes_between_retries=0)
    @step
    def end(self):
        note()
        self.total = sum(one["square"] for one in self.all)

if __name__ == "__main__":
    Far()
"""
READ = """
import hashlib, json, pickle, sys
from metaflow import Run, namespace
namespace(None)
run = Run(sys.argv[1])
def digest(task):
    made = [one for one in task if one.id in {"got", "all", "total"}]
    return {one.id: hashlib.sha256(pickle.dumps(one.data)).hexdigest() for one in made}
print(json.dumps({
    "successful": run.successful,
    "artifacts": sorted([step.id, json.dumps(digest(task), sort_keys=True)] for step in run for task in step),
    # A task that had saved its result may have been stopped before its process ended.
    "printed": sorted(task.stdout.replace("[KILLED BY ORCHESTRATOR]\\n", "") for task in run["body"]),
}))
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, str], Link, Link]]:
    """S3 and the metadata service as all machines reach them: the variables, and a link to each."""
    folders = tmp_path_factory.mktemp("s3"), tmp_path_factory.mktemp("service")
    with object_store(folders[0]) as store, metadata_service(folders[1]) as service:
        links = [
            Link(env[name].removeprefix("http://"))
            for env, name in ((store, "METAFLOW_S3_ENDPOINT_URL"), (service.env, "METAFLOW_SERVICE_URL"))
        ]
        urls = [f"http://{link.address}" for link in links]
        yield (
            {**store, **service.env, "METAFLOW_S3_ENDPOINT_URL": urls[0], "METAFLOW_SERVICE_URL": urls[1]},
            links[0],
            links[1],
        )
        for link in links:
            link.close()


@pytest.fixture(scope="module")
def local(lodging: Any) -> dict[str, Any]:
    """What `python flow.py run` leaves."""
    place = lodging.folder.parent / "attempts"
    place.mkdir()
    lodging.flow("far.py", FLOW.replace("FOLDER", str(place)))
    done = lodging.command("python", "far.py", "run", "--run-id-file", "id", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return read(lodging, f"Far/{(lodging.folder / 'id').read_text()}")


@pytest.mark.parametrize("seed", range(5))
def test_a_run_outlives_its_machines_and_what_they_share(
    lodging: Any, shared: Any, local: dict[str, Any], seed: int, wait_until: Any
) -> None:
    """It ends well, with the artifacts and output of `python flow.py run`, and no attempt is begun twice.

    One machine is killed, S3 is away for 5 s, the metadata service for 30 s, and the link of another machine to
    Temporal passes nothing for 60 s, each from a moment of its own on.
    """
    env, store, service = shared
    moments = random.Random(seed)  # noqa: S311 - times, no secrets
    attempts = lodging.folder.parent / "attempts"
    for file in attempts.iterdir():
        file.unlink()
    places = dataclasses.replace(lodging, folder=lodging.folder.parent / f"seed{seed}" / "work")
    places.folder.mkdir(parents=True)
    caller = machine(places, "caller", {**env, "METAFLOW_USER": "tester"})
    caller.flow("far.py", FLOW.replace("FOLDER", str(attempts)))
    name = f"far{seed}"
    done = caller.run("deploy", "far.py", "--name", name, "-o", "name")
    assert done.returncode == 0, done.stderr
    link = Link(lodging.env["TEMPORAL_ADDRESS"])
    machines = {}
    for who, address in (("one", link.address), ("two", lodging.env["TEMPORAL_ADDRESS"])):
        own = {**keys(env), "TEMPORAL_ADDRESS": address, "SECONDS": "6"}
        machines[who] = machine(places, who, own)
        machines[who].worker(name, "--concurrency", "2")
    run_id = caller.run("trigger", name, "-o", "name").stdout.strip()
    wait_until(lambda: any("-body-" in one.name for one in attempts.iterdir()), "splits run")
    faults = [
        threading.Thread(target=during, args=(moments.uniform(0, 10), fault, seconds))
        for fault, seconds in ((link.frozen(), 60), (store.cut(), 5), (service.cut(), 30))
    ]
    for fault in faults:
        fault.start()
    try:
        time.sleep(moments.uniform(0, 15))
        for process in started_by(machines["two"]):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(moments.uniform(0, 10))
        third = machine(places, "three", {**keys(env), "SECONDS": "6"})
        third.worker(name, "--concurrency", "2")
        watched = caller.run("runs", "watch", run_id, "-o", "jsonl", timeout=600)
    finally:
        for fault in faults:
            fault.join()
        link.close()
    logs = "\n".join(log.read_text() for log in places.folder.parent.glob("*/work/worker*.log"))
    assert '"completed"' in watched.stdout.splitlines()[-1], (
        watched.stdout[-3000:] + watched.stderr + logs[-6000:]
    )
    begun = {one.name: len(one.read_text()) for one in attempts.iterdir() if run_id in one.name}
    assert set(begun.values()) == {1}, Counter(begun.values())
    assert read(caller, f"Far/{run_id}") == local
    assert "Traceback" not in logs

    # All of it serves again.
    again = caller.run("trigger", name, "width=4", "--wait", "-o", "json", timeout=300)
    assert json.loads(again.stdout)["status"] == "completed", again.stderr
    for one in (machines["one"], third):
        for process in started_by(one):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)


def during(after: float, fault: AbstractContextManager[None], seconds: float) -> None:
    """Have a fault for so long, from a moment on."""
    time.sleep(after)
    with fault:
        time.sleep(seconds)


def read(home: Any, run: str) -> dict[str, Any]:
    """What a run has left, for the client of Metaflow."""
    done = home.command("python", "-c", READ, run, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
