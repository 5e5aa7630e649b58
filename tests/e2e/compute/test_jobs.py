"""The jobs that steps become on @kubernetes, @batch and @sandbox, without their running."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from typing import Any

import pytest

from .reading import said

pytestmark = pytest.mark.xdist_group("compute")

OPTIONS = ("--environment=uv", "--branch=fast")
#: What names a single job, wherever it stands: of ids, digests and places.
ONE_JOB = (
    (re.compile(r"\d{13,}|temporal-held-\w{10}"), "RUN"),
    (re.compile(r"\b(RUN/\w+/)[\w-]+"), r"\1TASK"),
    (re.compile(r"--task-id \S+"), "--task-id TASK"),
    (re.compile(r'("metaflow[./]task_id": )"[^"]+"'), r'\1"TASK"'),
    (re.compile(r"(-RUN-\w+)-[\w-]+-(\d)\b"), r"\1-TASK-\2"),
    (re.compile(r"\b[0-9a-f]{2}/[0-9a-f]{40}\b|\b[0-9a-f]{40}\b"), "DIGEST"),
    (re.compile(r"t-[0-9a-f]{8}-"), "t-NAME-"),
    (re.compile(r"\S*/sandbox-\w+"), "SANDBOX"),
)


@pytest.mark.soak
def test_jobs_are_those_of_a_local_run(deployer, machine, cloud, python, wait_until):
    """Every backend gets the job that `python flow.py run` gives it, but for ids and the code package's digest.

    A worker that must leave stops its jobs; another starts them again at once, as the next attempt: whether or not a
    step has @retry, and however long that waits. A cancelled run stops its jobs as well.
    """
    held = cloud.hold()
    expected = [_general(job) for job in _jobs_of_local_run(deployer, cloud, [python, "held.py"], wait_until)]
    deployment = said(deployer.run("deploy", "held.py", *OPTIONS, "--tag", "a:b", "-o", "name"))
    machine.worker("--all", "--concurrency=4", **held)
    run = said(deployer.run("trigger", deployment, "-o", "name"))
    wait_until(lambda: cloud.running == 3, "the run has started three jobs")
    jobs = cloud.jobs()
    for job in map(_general, jobs):
        assert job in expected
    assert len(jobs) == 2 * len(expected) == 6

    worker = machine.processes[-1]
    worker.terminate()
    # Signals that come together are one request, so the second is sent until it is taken.
    wait_until(lambda: worker.poll() is not None or worker.terminate(), "asked twice, the worker has ended")
    assert cloud.running == 0
    machine.worker("--all", "--concurrency=4", **held)
    wait_until(lambda: cloud.running == 3, "three jobs run again")
    attempts = re.findall(r"MF_ATTEMPT=(\d)", json.dumps([job for job in cloud.jobs() if job not in jobs]))
    assert attempts == ["1", "1", "1"]

    said(deployer.run("runs", "cancel", run))
    assert cloud.running == 0


def _jobs_of_local_run(home: Any, cloud: Any, flow: list[str], wait_until: Any) -> list[dict[str, Any]]:
    local = subprocess.Popen(
        [*flow, *OPTIONS, "run", "--tag", "a:b"],
        cwd=home.folder,
        env={**home.env, **cloud.hold()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: cloud.running == 3, "the local run has started three jobs")
    finally:
        os.killpg(local.pid, signal.SIGKILL)
        local.wait()
        cloud.close()
    found: list[dict[str, Any]] = cloud.jobs()
    return found


def _general(job: dict[str, Any]) -> str:
    text = json.dumps(job, indent=1, sort_keys=True)
    for pattern, name in ONE_JOB:
        text = pattern.sub(name, text)
    return text
