"""packaging/ci/preview.sh: what a CI runs for each pull request, in a git repository with a flow."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

pytestmark = pytest.mark.soak

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "ci" / "preview.sh"
FLOW = """
import os, time
from metaflow import FlowSpec, Parameter, project, step

@project(name="shop")
class TrainFlow(FlowSpec):
    fails = Parameter("fails", default=False)
    waits = Parameter("waits", default=False)

    @step
    def start(self):
        if self.fails:
            raise ValueError("bad shape")
        while self.waits:
            time.sleep(0.1)
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    TrainFlow()
"""
MAIN = "shop.prod.TrainFlow"


@pytest.fixture(scope="module")
def repository(lodging):
    """A checkout of a pull request, whose flow is in production already."""
    lodging.flow("train.py", FLOW)
    for words in (
        ["init"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-m", "Train"],
    ):
        assert lodging.command("git", *words).returncode == 0
    assert lodging.run("deploy", "train.py", "--production").returncode == 0
    return lodging


def preview(repository, *words: str, **env: str):
    return repository.command("bash", str(SCRIPT), "train.py", *words, timeout=120, **env)


def deployments(repository) -> list[str]:
    """Those of the flow's project: the server may have others."""
    names = repository.run("deployments", "list", "-o", "name").stdout.split()
    return [name for name in names if name.startswith("shop.")]


def test_a_good_run_is_reported_and_nothing_is_left(repository) -> None:
    """Exit code 0, a report of the run, a summary; the branch is gone, and production is as before."""
    done = preview(repository, "Pull-Request/12")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = repository.folder / "preview"
    run = (folder / "run-id").read_text().strip()
    assert run in (folder / "report.html").read_text()
    summary = (folder / "summary.md").read_text()
    assert summary.startswith("**train.py** on branch `pull_request_12`: completed")
    assert run in summary
    log = (folder / "worker.log").read_text()
    assert "shop.test.pull_request_12.TrainFlow" in log
    assert "shutting down gracefully" in log
    assert deployments(repository) == [MAIN]


def test_a_failed_run_fails_the_job_and_says_why(repository) -> None:
    """Exit code 3; summary and report name the failure, and the deployment is deleted as well."""
    done = preview(repository, "pull-request-13", "fails=true", PREVIEW_FOLDER="other")
    assert done.returncode == 3, done.stdout + done.stderr
    for name in ("summary.md", "report.html"):
        assert "bad shape" in (repository.folder / "other" / name).read_text()
    assert deployments(repository) == [MAIN]


def test_a_run_that_takes_too_long_is_cancelled(repository) -> None:
    """Exit code 124; no task is left, and the worker ends."""
    done = preview(repository, "pull-request-14", "waits=true", PREVIEW_TIMEOUT="5s")
    assert done.returncode == 124, done.stdout + done.stderr
    assert "cancelled after 5s" in (repository.folder / "preview" / "summary.md").read_text()
    run = (repository.folder / "preview" / "run-id").read_text().strip()
    assert "cancelled" in repository.run("runs", "describe", run).stdout
    assert deployments(repository) == [MAIN]
    assert not [command for command in repository.left_running() if " worker " in command]


def test_a_job_that_is_cancelled_cleans_up(repository, wait_until) -> None:
    """SIGTERM during the run: the run is cancelled, the deployment deleted, and no process is left."""
    folder = repository.folder / "cancelled"
    words = ("bash", str(SCRIPT), "train.py", "pull-request-16", "waits=true")
    job = repository.start_command(*words, log=repository.folder / "job.log", PREVIEW_FOLDER=str(folder))
    wait_until(lambda: "started" in _read(folder / "worker.log"), "the task runs")
    job.send_signal(signal.SIGTERM)
    assert job.wait(60) == 143, (repository.folder / "job.log").read_text()
    assert "cancelled" in repository.run("runs", "describe", _read(folder / "run-id")).stdout
    assert deployments(repository) == [MAIN]
    assert not [command for command in repository.left_running() if " worker " in command]


def _read(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""


def test_a_flow_without_branches_is_not_deployed(repository) -> None:
    """It would take the place of the deployment of that name: exit code 2."""
    repository.flow("plain.py", FLOW.replace('@project(name="shop")\n', ""))
    done = repository.command("bash", str(SCRIPT), "plain.py", "pull-request-15", timeout=120)
    assert done.returncode == 2, done.stdout + done.stderr
    assert deployments(repository) == [MAIN]
