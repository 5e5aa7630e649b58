"""What runs cost, side by side with `python FLOW run` in the same minute: `python benchmarks/runs.py [--wide]`.

Warm: `mftctl trigger --wait` against a worker that has the flow loaded, as a whole process, and from the run's start to
its end as Temporal records them. Cold: `mftctl run`, its own Temporal server included. With `--wide` also a foreach of
5,000 splits against one of 500, and how near its workflows come to Temporal's limits.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from temporalio.client import Client

ROOT = Path(__file__).resolve().parents[1]
MFTCTL = [sys.executable, str(ROOT / "dist" / "mftctl")]
ROUNDS = 3

STEP = "    @step\n    def s{n}(self):\n        self.next(self.{after})\n"
CHAIN = (
    "from metaflow import FlowSpec, step\nclass Chain(FlowSpec):\n"
    "    @step\n    def start(self):\n        self.next(self.s1)\n"
    + "".join(STEP.format(n=n, after=f"s{n + 1}" if n < 8 else "end") for n in range(1, 9))
    + "    @step\n    def end(self):\n        pass\nif __name__ == '__main__':\n    Chain()\n"
)
FAN = """
from metaflow import FlowSpec, Parameter, step
class Fan(FlowSpec):
    n = Parameter("n", default=50)
    @step
    def start(self):
        self.items = list(range(self.n))
        self.next(self.body, foreach="items")
    @step
    def body(self):
        self.got = self.input
        self.next(self.join)
    @step
    def join(self, inputs):
        got = [one.got for one in inputs]
        assert got == list(range(self.n)), "an input is missing or out of order"
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == '__main__':
    Fan()
"""


def main() -> None:
    """Measure and print."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as name, stage(Path(name)) as (folder, env, address):
        for flow, what in (("Chain", "chain of 10 steps"), ("Fan", "foreach of 50")):
            warm(flow, what, folder, env, address)
        cold("Chain", folder, env)
        cold("Fan", folder, env)
        if "--wide" in sys.argv:
            wide(folder, env, address)


def warm(flow: str, what: str, folder: Path, env: dict[str, str], address: str) -> None:
    """Triggered runs against local ones, in turn."""
    trigger(flow, folder, env)
    local, whole, run = [], [], []
    for _ in range(ROUNDS):
        local.append(timed([sys.executable, f"{flow}.py", "run"], folder, env))
        seconds, run_id = trigger(flow, folder, env)
        whole.append(seconds)
        run.append(asyncio.run(duration(address, run_id)))
    base = statistics.median(local)
    print(
        f"{what}: python {base:.2f} s; trigger --wait {statistics.median(whole):.2f} s"
        f" (ratio {statistics.median(whole) / base:.2f}); start to end {statistics.median(run):.2f} s"
        f" (ratio {statistics.median(run) / base:.2f})"
    )


def cold(flow: str, folder: Path, env: dict[str, str]) -> None:
    """`mftctl run` with a server of its own against a local run."""
    without = {key: value for key, value in env.items() if key != "TEMPORAL_ADDRESS"}
    local, ours = [], []
    for _ in range(ROUNDS):
        local.append(timed([sys.executable, f"{flow}.py", "run"], folder, env))
        ours.append(timed([*MFTCTL, "run", f"{flow}.py"], folder, without))
    ratio = statistics.median(ours) / statistics.median(local)
    print(
        f"cold run of {flow}: python {statistics.median(local):.2f} s; mftctl {statistics.median(ours):.2f} s"
        f" (ratio {ratio:.2f})"
    )


def wide(folder: Path, env: dict[str, str], address: str) -> None:
    """A foreach of 5,000 against one of 500, each right after the other."""
    costs = {}
    for count in (500, 5000):
        _, run_id = trigger("Fan", folder, env, f"n={count}")
        costs[count] = asyncio.run(duration(address, run_id)) / count
        print(f"foreach of {count}: {costs[count] * 1000:.1f} ms a split")
    events, payload, workflows = asyncio.run(limits(address, run_id))
    print(
        f"cost a split, 5,000 against 500: {costs[5000] / costs[500]:.2f};"
        f" {workflows} workflows, at most {events} events each, largest payload {payload} bytes"
    )


def trigger(flow: str, folder: Path, env: dict[str, str], *parameters: str) -> tuple[float, str]:
    """Seconds a triggered run took as a whole process, and its id."""
    file = folder / "run-id"
    seconds = timed(
        [*MFTCTL, "trigger", flow, *parameters, "--wait", "--run-id-file", str(file)], folder, env
    )
    return seconds, file.read_text().strip()


def timed(command: list[str], folder: Path, env: dict[str, str]) -> float:
    """Wall time of a command that must end well."""
    began = time.perf_counter()
    subprocess.run(
        command, cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - began


async def duration(address: str, run_id: str) -> float:
    """Seconds from a run's start to its end."""
    client = await Client.connect(address)
    described = await client.get_workflow_handle(run_id).describe()
    assert described.close_time is not None
    return (described.close_time - described.start_time).total_seconds()


async def limits(address: str, run_id: str) -> tuple[int, int, int]:
    """Of all workflows of a run: most events, largest event, how many there are."""
    client = await Client.connect(address)
    events, size, count = 0, 0, 0
    async for found in client.list_workflows(f'RootWorkflowId = "{run_id}"'):
        history = await client.get_workflow_handle(found.id, run_id=found.run_id).fetch_history()
        events = max(events, len(history.events))
        size = max(size, *(event.ByteSize() for event in history.events))
        count += 1
    return events, size, count


@contextmanager
def stage(folder: Path) -> Iterator[tuple[Path, dict[str, str], str]]:
    """A folder with both flows, deployed, and beside it a home, a server and a worker."""
    # Apart from each other: a flow's code package holds all code below the flow's folder.
    home, folder = folder / "home", folder / "flows"
    home.mkdir()
    folder.mkdir()
    env = {
        **os.environ,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "METAFLOW_USER": "bench",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(home),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "MFTCTL_PYTHON": sys.executable,
    }
    (folder / "Chain.py").write_text(CHAIN)
    (folder / "Fan.py").write_text(FAN)
    server = subprocess.Popen(
        [*MFTCTL, "dev", "--port", "0", "--ui-port", "0"],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    started = [server]
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        env["TEMPORAL_ADDRESS"] = address
        for flow in ("Chain", "Fan"):
            deploy = [*MFTCTL, "deploy", f"{flow}.py", "-o", "json"]
            deployed = subprocess.run(deploy, cwd=folder, env=env, check=True, capture_output=True)
            assert json.loads(deployed.stdout)["deployment"] == flow
        worker = [*MFTCTL, "worker", "--all"]
        started.append(subprocess.Popen(worker, cwd=folder, env=env, stderr=subprocess.DEVNULL, text=True))
        yield folder, env, address
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(60)


if __name__ == "__main__":
    main()
