"""Runs in flight survive an upgrade: what a released mftctl has begun, this one ends, and the other way round."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Releases whose runs can be taken over: name and commit. docs/how-to/upgrades.md says when one is dropped.
RELEASES = {
    "0.1.0-a338887": "a338887",
}

FLOW = """
import os, time
from metaflow import FlowSpec, step

class Upgraded(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2, 3]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.value = self.input * 2
        while self.input == 2 and not os.path.exists("FOLDER/go"):
            open("FOLDER/held", "w").close()
            time.sleep(0.02)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(one.value for one in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Upgraded()
"""


@pytest.fixture(scope="session", params=RELEASES, ids=list(RELEASES))
def released(request, tmp_path_factory):
    """The program of a release: its sources beside the packages of today."""
    folder = tmp_path_factory.mktemp("release")
    commit = RELEASES[request.param]
    done = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        why = f"no commit {commit} here: fetch the whole history (git fetch --unshallow)"
        assert os.environ.get("CI") != "true", why
        pytest.skip(why)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    start = f"import sys; sys.path[:0] = [{str(folder)!r}]; from mftctl.__main__ import main; main()"
    return [sys.executable, "-c", start]


def test_a_run_of_a_release_ends_under_this_build(served, released, wait_until):
    """Its worker is killed in mid-run; ours takes over, and only what was in flight runs again."""
    flow = served.flow("upgraded.py", FLOW.replace("FOLDER", str(served.folder)))
    _told(served.command(*released, "deploy", str(flow), "-o", "json"))
    served.serve(*released, "worker", "Upgraded")
    run_id = _told(served.command(*released, "trigger", "Upgraded", "-o", "json"))["run_id"]
    wait_until((served.folder / "held").exists, "the task runs")
    _kill(served)
    served.worker("Upgraded")
    (served.folder / "go").touch()
    done = served.run("runs", "watch", run_id, "-o", "json")
    assert done.returncode == 0, done.stderr
    assert _total(served, run_id) == 12
    described = json.loads(served.run("runs", "describe", run_id, "-o", "json").stdout)
    assert described["problem"] is None
    retries = {step["step"]: step["retries"] for step in described["steps"]}
    assert retries.pop("work") > 0
    assert retries == {"start": 0, "join": 0, "end": 0}


def test_a_run_of_this_build_ends_under_a_release(served, released):
    """Payloads are compatible both ways, so a worker that is not upgraded yet serves new deployments and runs."""
    flow = served.flow("upgraded.py", FLOW.replace("FOLDER", str(served.folder)))
    (served.folder / "go").touch()
    assert served.run("deploy", str(flow)).returncode == 0
    served.serve(*released, "worker", "Upgraded")
    done = served.run("trigger", "Upgraded", "--wait", "-o", "json")
    assert done.returncode == 0, done.stderr
    run_id = json.loads(done.stdout)["run_id"]
    assert _total(served, run_id) == 12
    assert served.command(*released, "runs", "describe", run_id).returncode == 0


@pytest.mark.soak
def test_workers_of_a_release_and_of_this_build_serve_runs_together(served, released):
    """Tasks of each run go to both; once a version of this build is promoted, the release's worker gets no more."""
    flow = served.flow("upgraded.py", FLOW.replace("FOLDER", str(served.folder)))
    (served.folder / "go").touch()
    assert served.run("deploy", str(flow), "--task-queue", "mixed").returncode == 0
    old = served.serve(*released, "worker", "Upgraded")
    new = served.worker("Upgraded")
    runs = [_told(served.run("trigger", "Upgraded", "-o", "json"))["run_id"] for _ in range(20)]
    for run_id in runs:
        done = served.run("runs", "watch", run_id, "-o", "json")
        assert done.returncode == 0, done.stderr
        assert _total(served, run_id) == 12
    for log in (old, new):
        assert len({run_id for run_id in runs if run_id in log.read_text()}) > 5, log.read_text()

    version = served.worker("Upgraded", "--deployment-version", "mixed:v1")
    assert served.run("workers", "promote", "mixed:v1").returncode == 0
    last = _told(served.run("trigger", "Upgraded", "--wait", "-o", "json"))["run_id"]
    assert _total(served, last) == 12
    assert [last in log.read_text() for log in (old, new, version)] == [False, False, True]


def _told(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _kill(served):
    """End the worker and all that it has started, at once."""
    for process, _ in served.running():
        with suppress(ProcessLookupError):  # what it has started ends with it
            os.kill(process, 9)


def _total(served, run_id):
    done = served.run("runs", "artifacts", run_id, "join", "-o", "json")
    assert done.returncode == 0, done.stderr
    return {row["name"]: row["value"] for row in json.loads(done.stdout)}["total"]
