"""Hundreds of deployments behind one worker that has nothing to do: what they cost the worker and the server."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from temporalio.client import Client

from mftctl.control import deployments

pytestmark = [pytest.mark.scale, pytest.mark.timeout(900)]

DEPLOYMENTS = 300
#: Seconds over which processor time is measured, and in which a server or a worker settles before.
MEASURED, SETTLED = 40.0, 20.0
FLOW = """
from metaflow import FlowSpec, step
class Idle(FlowSpec):
    @step
    def start(self):
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    Idle()
"""


@dataclass(frozen=True)
class Cost:
    """Percent of a core for the worker, and for the server more than for an empty one; the worker's MB and threads."""

    worker: float
    server: float
    memory: float
    threads: int


def test_on_one_queue_they_cost_what_one_does(tmp_path: Path) -> None:
    """A worker of one shared task queue, whatever is deployed there."""
    cost = measured(tmp_path, queues=1)
    assert cost.worker <= 1.0
    assert cost.server <= 2.0
    assert cost.memory <= 120
    assert cost.threads <= 40


def test_on_as_many_queues_they_cost_a_part_of_a_core(tmp_path: Path) -> None:
    """A task queue for each deployment: each has pollers of its own."""
    cost = measured(tmp_path, queues=DEPLOYMENTS)
    assert cost.worker + cost.server <= 20.0
    assert cost.memory <= 250


def measured(folder: Path, queues: int) -> Cost:
    """Deploy 300 flows to so many queues, and serve all of them."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "METAFLOW_USER": "tester"}
    with process(env, folder, "dev", "--port", "0", "--ui-port", "0") as dev:
        assert dev.stdout is not None
        env["TEMPORAL_ADDRESS"] = dev.stdout.readline().split()[-1]
        server = _server_of(folder)
        time.sleep(SETTLED)
        (empty,) = _percent(server)
        (folder / "idle.py").write_text(FLOW)
        command = [sys.executable, "-m", "mftctl", "deploy", "idle.py"]
        subprocess.run(command, env=env, cwd=folder, check=True, capture_output=True)
        asyncio.run(_fill(env["TEMPORAL_ADDRESS"], queues))
        with process(env, folder, "worker", "--all") as worker:
            time.sleep(SETTLED + DEPLOYMENTS / 20)
            at = _seconds(worker.pid), _seconds(server)
            time.sleep(MEASURED)
            used = [
                (_seconds(pid) - before) / MEASURED * 100
                for pid, before in zip((worker.pid, server), at, strict=True)
            ]
            memory, threads = _status(worker.pid)
            cost = Cost(round(used[0], 1), round(used[1] - empty, 1), memory, threads)
    print(f"{DEPLOYMENTS} deployments on {queues} queues: {cost}; an empty server: {empty:.1f} %")
    return cost


@contextmanager
def process(env: dict[str, str], folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs until it is asked to end."""
    command = [sys.executable, "-m", "mftctl", *words]
    with (folder / f"{words[0]}.log").open("w") as log:
        running = subprocess.Popen(
            command, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        yield running
    finally:
        running.terminate()
        running.communicate(timeout=60)


async def _fill(address: str, queues: int) -> None:
    client = await Client.connect(address)
    manifest = await deployments.find_manifest(client, "Idle")
    limit = asyncio.Semaphore(8)

    async def register(number: int) -> None:
        name = f"many{number:03}"
        async with limit:
            await deployments.register(
                client, replace(manifest, deployment=name, task_queue=f"q{number % queues}", token=None)
            )

    await asyncio.gather(*(register(number) for number in range(DEPLOYMENTS)))


def _server_of(home: Path) -> int:
    """The process of the server whose database is in this home."""
    processes = [one for one in Path("/proc").iterdir() if one.name.isdigit()]
    (pid,) = [int(one.name) for one in processes if re.match(rf"\S*/temporal\0.*{home}", _words(one))]
    return pid


def _words(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:  # it has ended
        return ""


def _percent(*pids: int) -> list[float]:
    before = [_seconds(pid) for pid in pids]
    time.sleep(MEASURED)
    return [round((_seconds(pid) - used) / MEASURED * 100, 1) for pid, used in zip(pids, before, strict=True)]


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status(pid: int) -> tuple[float, int]:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return round(int(lines["VmRSS"].split()[0]) / 1024), int(lines["Threads"])
