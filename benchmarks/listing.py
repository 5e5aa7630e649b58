"""What `runs list` costs over 2,000 closed runs: the first page against the bare visibility query, and the whole
process against a bare script that connects and lists, in turn in the same minute: `python benchmarks/listing.py`.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from mftctl.console.process_exit import leave
from mftctl.control.runs.lookup import list_runs

ROOT = Path(__file__).resolve().parents[1]
MFTCTL = [sys.executable, str(ROOT / "dist" / "mftctl")]
RUNS, AT_ONCE, LIMIT, ROUNDS = 2000, 50, 20, 15
QUERY = (
    "WorkflowId STARTS_WITH 'temporal-' AND ParentWorkflowId IS NULL AND ExecutionStatus != 'ContinuedAsNew'"
)
BARE = f"""
import asyncio, os, sys
from temporalio.client import Client

async def main():
    client = await Client.connect(sys.argv[1])
    rows = []
    async for one in client.list_workflows("WorkflowId STARTS_WITH 'temporal-'", page_size={LIMIT}):
        rows.append((one.id, one.workflow_type, one.status, one.start_time, await one.memo()))
        if len(rows) == {LIMIT}:
            break
    print("\\n".join(str(row) for row in rows))

asyncio.run(main())
sys.stdout.flush()
os._exit(0)
"""


@workflow.defn(name="Listed")
class Listed:
    """Ends at once."""

    @workflow.run
    async def run(self) -> None:
        """Nothing."""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "HOME": folder, "XDG_CACHE_HOME": folder}
        env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
        server = subprocess.Popen(
            [*MFTCTL, "dev", "--port", "0", "--ui-port", "0"],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[-1]
            asyncio.run(measured(address))
            whole(address, env)
        finally:
            server.terminate()
            server.wait(60)
    leave(0)


async def measured(address: str) -> None:
    """Fill the server, then the first page against the bare query."""
    client = await Client.connect(address)
    await fill(client)
    bare, ours = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        rows = [one async for one in first(client)]
        bare.append(time.perf_counter() - began)
        began = time.perf_counter()
        found = await list_runs(client, limit=LIMIT)
        ours.append(time.perf_counter() - began)
        assert [one.workflow_id for one in found] == [row.id for row in rows]
    told(f"first page of {LIMIT} of {RUNS} closed runs: query", bare, "runs list", ours)


async def first(client: Client) -> Any:
    """The rows of the bare query's first page."""
    pages = client.list_workflows(QUERY, page_size=LIMIT)
    await pages.fetch_next_page()
    for row in pages.current_page or ():
        yield row


async def fill(client: Client) -> None:
    """Make the closed runs, and wait until they are listed."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def run(number: int) -> None:
        memo = {"deployment": "Listed", "version": "1", "owner": "bench", "tasks": [3, 3], "tags": ["a"]}
        async with slots:
            await client.execute_workflow(
                "Listed", id=f"temporal-listed-{number:06}", task_queue="listed", memo=memo
            )

    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue="listed", workflows=[Listed], workflow_runner=runner):
        await asyncio.gather(*map(run, range(RUNS)))
    closed = f"{QUERY} AND ExecutionStatus = 'Completed'"
    while (await client.count_workflows(closed)).count < RUNS:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.1)


def whole(address: str, env: dict[str, str]) -> None:
    """The process."""
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(timed([sys.executable, "-c", BARE, address], env))
        ours.append(timed([*MFTCTL, "runs", "list", "--address", address], env))
    told("whole process: bare script", bare, "mftctl runs list", ours)


def timed(command: list[str], env: dict[str, str]) -> float:
    """Seconds."""
    began = time.perf_counter()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def told(what: str, base: list[float], name: str, ours: list[float]) -> None:
    """A line with medians and their ratio."""
    one, other = statistics.median(base), statistics.median(ours)
    print(f"{what} {one * 1000:.0f} ms; {name} {other * 1000:.0f} ms (ratio {other / one:.2f})")


if __name__ == "__main__":
    main()
