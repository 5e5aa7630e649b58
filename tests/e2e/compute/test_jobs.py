"""The jobs that steps become on @kubernetes, @batch and @sandbox, without their running."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from typing import Any

import pytest

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


def test_jobs_are_those_of_a_local_run(deployer, machine, cloud, python, wait_until):
    """Every backend gets the job that `python flow.py run` gives it, but for ids and the code package's digest.

    A cancelled run stops the jobs.
    """
    held = cloud.hold()
    local = subprocess.Popen(
        [python, "held.py", *OPTIONS, "run", "--tag", "a:b"],
        cwd=deployer.folder,
        env={**deployer.env, **held},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: cloud.running == 3, "the local run has started three jobs")
    finally:
        os.killpg(local.pid, signal.SIGINT)
        local.wait(60)
    expected = [_general(job) for job in cloud.jobs()]
    cloud.close()

    deployment = _said(deployer.run("deploy", "held.py", *OPTIONS, "--tag", "a:b", "-o", "name"))
    machine.worker("--all", "--concurrency=4", **held)
    run = _said(deployer.run("trigger", deployment, "-o", "name"))
    wait_until(lambda: cloud.running == 3, "the run has started three jobs")
    jobs = [_general(job) for job in cloud.jobs()]
    for job in jobs:
        assert job in expected
    assert len(jobs) == 2 * len(expected) == 6

    _said(deployer.run("runs", "cancel", run))
    assert cloud.running == 0


def test_jobs_of_a_lost_worker_start_again_at_once(deployer, machine, cloud, wait_until):
    """A worker that must leave stops its jobs; another starts them again, as the next attempt.

    Whether or not a step has @retry, and however long it waits for one, nothing is waited for.
    """
    held = cloud.hold()
    deployment = _said(deployer.run("deploy", "held.py", *OPTIONS, "-o", "name"))
    machine.worker("--all", "--concurrency=4", **held)
    _said(deployer.run("trigger", deployment))
    wait_until(lambda: cloud.running == 3, "three jobs run")
    worker = machine.processes[-1]
    worker.terminate()
    # Signals that come together are one request, so the second is sent until it is taken.
    wait_until(lambda: worker.poll() is not None or worker.terminate(), "asked twice, the worker has ended")
    assert cloud.running == 0
    machine.worker("--all", "--concurrency=4", **held)
    wait_until(lambda: cloud.running == 3, "three jobs run again")
    attempts = sorted(re.findall(r"MF_ATTEMPT=(\d)", json.dumps(cloud.jobs())))
    assert attempts == ["0", "0", "0", "1", "1", "1"]


def _said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _general(job: dict[str, Any]) -> str:
    text = json.dumps(job, indent=1, sort_keys=True)
    for pattern, name in ONE_JOB:
        text = pattern.sub(name, text)
    return text
