"""Schedules, events, compensations, hooks and notices while workers are killed and the server is restarted."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from ports import free_port
from temporalio.client import Client, ScheduleIntervalSpec, ScheduleSpec, ScheduleUpdate, ScheduleUpdateInput

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1500)]

FLOWS = """
import json, os
from metaflow import FlowSpec, Parameter, current, exit_hook, schedule, step, trigger, trigger_on_finish
from mftctl import saga

def note(kind, cause):
    with open({log!r}, "a") as file:
        file.write(json.dumps([kind, cause, current.run_id]) + "\\n")

def hooked(run):
    with open({log!r}, "a") as file:
        file.write(json.dumps(["hook", run.id, run.id]) + "\\n")

def cause():
    return sorted(event.id for event in current.trigger.events)
"""
FLOW = """
{decorators}
class {name}(FlowSpec):
    fails = Parameter("fails", default=False)

    @saga.step
    def start(self):
        {body}
        self.next(self.middle)

    @start.compensate
    def undo(self):
        note("undo", current.run_id)

    @step
    def middle(self):
        if self.fails:
            raise ValueError("as it should")
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    {name}()
"""
HOOK = "@exit_hook(on_success=[hooked], on_error=[hooked])"
#: Workers are killed so often at least.
KILLS = 12
#: A run of more seconds has a worker that is not killed, too.
STEADY = 300.0
PARTS = {
    "TickFlow": ("@schedule(cron='0 0 1 1 ? 2099')", 'note("tick", os.environ["MFTCTL_SCHEDULED_TIME"])'),
    "SourceFlow": (HOOK, 'note("source", current.run_id)'),
    "NextFlow": ("@trigger_on_finish(flow='SourceFlow')", 'note("next", cause())'),
    "LastFlow": ("@trigger_on_finish(flow='NextFlow')", 'note("last", cause())'),
    "HeardFlow": ("@trigger(event='ping')", 'note("heard", cause())'),
}


class Server:
    """A Temporal server that can be killed, and comes back with what it had."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        binary = shutil.which("temporal", path=str(Path(sys.executable).parent)) or "temporal"
        words = [binary, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(self.port)]
        words += ["--db-filename", str(self.folder / "t.db"), "--log-level", "error"]
        words += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
        log = (self.folder / "server.log").open("ab")
        with log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


@pytest.fixture
def temporal(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own."""
    server = Server(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def told() -> Iterator[tuple[str, Counter[str]]]:
    """A receiver's URL, and how often each id was told there."""
    ids: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            ids[json.loads(self.rfile.read(int(self.headers["Content-Length"])))["run_id"]] += 1
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", ids
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("seconds", "pause"), [(90.0, (1.0, 9.0)), (600.0, (5.0, 30.0))], ids=["kills", "soak"]
)
def test_nothing_is_lost_and_nothing_doubled(
    home: Any,
    tmp_path: Path,
    temporal: Server,
    told: tuple[str, Counter[str]],
    wait_until: Callable[..., None],
    seconds: float,
    pause: tuple[float, float],
) -> None:
    """Each cause has one run, each failed run one compensation and each run one hook and notice, whatever is killed."""
    url, ids = told
    log = tmp_path / "effects"
    log.touch()
    home.env["TEMPORAL_ADDRESS"] = temporal.address
    wait_until(lambda: home.run("events", "list").returncode == 0, "the server answers")
    for name, (decorators, body) in PARTS.items():
        source = FLOWS.format(log=str(log)) + FLOW.format(name=name, decorators=decorators, body=body)
        options = ("--notify-url", url) if name == "SourceFlow" else ()
        done = home.run("deploy", str(home.flow(f"{name.lower()}.py", source)), *options)
        assert done.returncode == 0, done.stderr
    asyncio.run(every(temporal.address, "TickFlow", timedelta(seconds=2)))
    source = random.Random(7)  # noqa: S311 - no secret is made
    published, sources, kills, sizes, held, processes = [], {}, 0, [], [], []
    # In the long run one worker lives through it all, and is looked at; the others come and go.
    steady = (
        home.start("worker", "--all", "--concurrency", "2", log=tmp_path / "steady.log")
        if seconds > STEADY
        else None
    )
    end = time.monotonic() + seconds
    restart = time.monotonic() + seconds / 2
    worker = None
    while time.monotonic() < end or kills < KILLS:
        if worker is None or worker.poll() is not None:
            worker = home.start("worker", "--all", "--concurrency", "4", log=tmp_path / f"worker{kills}.log")
        published.append(f"p{len(published)}")
        assert home.run("events", "publish", "ping", "--id", published[-1]).returncode == 0
        fails = len(sources) % 3 == 2
        done = home.run("trigger", "SourceFlow", f"fails={fails}", "-o", "name")
        assert done.returncode == 0, done.stderr
        sources[done.stdout.strip()] = fails
        time.sleep(source.uniform(*pause))  # the random moment is what is tested
        sizes.append(memory(worker.pid))
        if steady is not None:
            held.append(memory_of_all(steady.pid))
            processes.append(len(home.running()))
        worker.kill()
        worker.wait()
        kills += 1
        if restart is not None and time.monotonic() > restart:
            restart = None
            temporal.kill()
            temporal.start()
            wait_until(lambda: home.run("events", "list").returncode == 0, "the server is back")
    asyncio.run(every(temporal.address, "TickFlow", None))
    worker = home.start("worker", "--all", "--concurrency", "4", log=tmp_path / "worker.log")
    wait_until(lambda: is_quiet(temporal.address), "all runs have ended", timeout=240)

    ended = asyncio.run(statuses(temporal.address))
    odd = [run for run, (_, status) in ended.items() if status == "FAILED" and not sources.get(run)]
    assert not odd, why(home, odd, sorted(tmp_path.glob("*.log")))
    compare(log, sources, published, ids, ended, kills)
    print(f"MB {[size // 2**20 for size in held or sizes]}, processes {processes}")
    for grown, most in ((sizes, 1.5), (held, 1.2), (processes, 1.5)):
        assert not grown or max(grown[len(grown) // 2 :]) < most * max(grown[: len(grown) // 2]), grown


def compare(
    log: Path,
    sources: dict[str, bool],
    published: list[str],
    ids: Counter[str],
    ended: dict[str, tuple[str, str]],
    kills: int,
) -> None:
    """Hold what happened against what should have; ``sources`` are the triggered runs, and whether each fails."""
    causes: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for line in log.read_text().splitlines():
        kind, cause, run = json.loads(line)
        causes[kind][json.dumps(cause)].add(run)
    well = {run for run, fails in sources.items() if not fails}
    counts = {kind: len(found) for kind, found in causes.items()}
    print(f"kills {kills}, effects {counts}, told {len(ids)}, doubled notices {sum(ids.values()) - len(ids)}")
    assert all(len(runs) == 1 for found in causes.values() for runs in found.values())
    assert {json.loads(one) for one in causes["source"]} == set(sources)
    assert {run for run, (_, status) in ended.items() if status == "FAILED"} == set(sources) - well
    assert {json.loads(one)[0].split("/")[1] for one in causes["next"]} == well
    assert len(causes["last"]) == len(well)
    assert sorted(json.loads(one)[0] for one in causes["heard"]) == sorted(published)
    assert {json.loads(one) for one in causes["undo"]} == set(sources) - well
    assert {json.loads(one) for one in causes["hook"]} == set(sources)
    assert set(ids) == set(sources)
    ticks = {run for run, (flow, _) in ended.items() if flow == "TickFlow"}
    assert {run for runs in causes["tick"].values() for run in runs} == {
        run.replace(":", "") for run in ticks
    }


def why(home: Any, runs: list[str], logs: list[Path]) -> str:
    """What is known about runs that should not have failed: their tasks, and what workers said of them."""
    told = [home.run("runs", "describe", run).stdout for run in runs]
    lines = [f"{log.name}: {line}" for log in logs for line in log.read_text().splitlines()]
    return "\n".join(told + [line for line in lines if any(run in line for run in runs)])


def memory(pid: int) -> int:
    """Bytes that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory_of_all(pid: int) -> int:
    """Bytes that a process and those that it has started hold."""
    own = 0
    with suppress(FileNotFoundError, ProcessLookupError):
        own = memory(pid)
    return own + sum(map(memory_of_all, children(pid)))


def children(pid: int) -> list[int]:
    """Processes that this one has started, as long as they are there."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            about = file.read_text().rpartition(")")[2].split()
            if int(about[1]) == pid and about[0] != "Z":
                found.append(int(file.parent.name))
    return found


async def every(address: str, deployment: str, interval: timedelta | None) -> None:
    """Let the deployment's schedule be due every so often; a cron knows no seconds."""

    def change(given: ScheduleUpdateInput) -> ScheduleUpdate:
        spec = (
            ScheduleSpec() if interval is None else ScheduleSpec(intervals=[ScheduleIntervalSpec(interval)])
        )
        given.description.schedule.spec = spec
        return ScheduleUpdate(schedule=given.description.schedule)

    client = await Client.connect(address)
    await client.get_schedule_handle(f"mftctl.{deployment}").update(change)


async def statuses(address: str) -> dict[str, tuple[str, str]]:
    """Flow and status of all runs by workflow id."""
    client = await Client.connect(address)
    query = "WorkflowId STARTS_WITH 'temporal-' AND ParentWorkflowId IS NULL"
    return {
        one.id: (one.workflow_type, one.status.name if one.status else "")
        async for one in client.list_workflows(query)
    }


def is_quiet(address: str) -> bool:
    """Whether no run goes on, and none will be started by an event that a listener still has to take."""

    async def look() -> dict[str, int] | None:
        """How much each listener has done; None while something goes on."""
        client = await Client.connect(address)
        done = {}
        async for one in client.list_workflows("ExecutionStatus = 'Running'"):
            if one.workflow_type != "mftctl.listener":
                return None
            handle = client.get_workflow_handle(one.id)
            found = (await handle.describe()).raw_description
            # What a killed worker held comes back only after its time, and new signals wait behind it.
            if found.HasField("pending_workflow_task") or found.pending_activities:
                return None
            done[one.id] = found.workflow_execution_info.history_length
            last = (await handle.query("state"))["last"].get("run_id")
            # The server's list may be behind.
            if last and (await client.get_workflow_handle(last).describe()).close_time is None:
                return None
        return done

    first = asyncio.run(look())
    return first is not None and asyncio.run(look()) == first
