"""Who takes part in `benchmarks/compare.py`, what each isolates and keeps, and how it is started and told to run."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from temporalio.client import Client
from work import PROCESSES, Work, answers, as_line

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).parent
MFTCTL = (sys.executable, str(ROOT / "dist" / "mftctl"))
TEN_MINUTES = 600.0


class Runner(Protocol):
    """A contender that is ready to run."""

    def __call__(self, work: Work) -> Mapping[str, float]:
        """Run the work once; seconds by column of the table. Raises RuntimeError with the reason."""


@dataclass(frozen=True)
class Stage:
    """What all contenders share: a folder with the flows, a home, a Temporal server."""

    flows: Path
    home: Path
    address: str
    env: Mapping[str, str]


@dataclass(frozen=True)
class Contender:
    """One that takes part: its name, its columns, what it isolates and keeps, the packages of its own environment."""

    name: str
    columns: tuple[str, ...]
    isolates: str
    keeps: str
    packages: tuple[str, ...] = ()

    def start(self, stage: Stage, python: Path) -> AbstractContextManager[Runner]:
        """Start it; raises RuntimeError where it does not start."""
        return STARTS[self.name](self, stage, python)


CONTENDERS = (
    Contender(
        "mftctl",
        ("mftctl", "mftctl trigger --wait"),
        "a process for each task",
        "each task, in Temporal and the datastore",
    ),
    Contender("mftctl spawn", ("mftctl --isolation spawn",), "a new interpreter for each task", "as mftctl"),
    Contender(
        "flow.py run",
        ("python flow.py run",),
        "a new interpreter for each task",
        "each task, in the datastore",
    ),
    Contender(
        "metaflow-temporal",
        ("metaflow-temporal",),
        "a new interpreter for each task",
        "each task, in Temporal and the datastore",
        ("metaflow==2.19.39", "temporalio==1.35.0", "chevron==0.14.0"),
    ),
    Contender(
        "Temporal fork", ("Temporal, fork",), "a process for each task", "each task's result, in Temporal"
    ),
    Contender(
        "Temporal pool",
        ("Temporal, pool",),
        "nothing: processes are used again",
        "each task's result, in Temporal",
    ),
    Contender(
        "Temporal async", ("Temporal, async",), "nothing: one thread", "each task's result, in Temporal"
    ),
    Contender(
        "Prefect processes",
        ("Prefect, processes",),
        "nothing: processes are used again",
        "each task's state and result, in SQLite and files",
        ("prefect==3.9.1",),
    ),
    Contender(
        "Prefect threads",
        ("Prefect, threads",),
        "nothing: threads",
        "each task's state and result, in SQLite and files",
        ("prefect==3.9.1",),
    ),
    Contender(
        "Dagster",
        ("Dagster, processes",),
        "a new interpreter for each task",
        "each task's events and result, in SQLite and files",
        ("dagster==1.13.29",),
    ),
    Contender(
        "Airflow",
        ("Airflow, LocalExecutor",),
        "a process for each task",
        "each task's state and result, in SQLite",
        ("apache-airflow==3.3.2",),
    ),
    Contender("DBOS", ("DBOS",), "nothing: threads", "each step's result, in SQLite", ("dbos==3.4.0",)),
)


@contextmanager
def _served(
    script: str, *arguments: str, python: Path, env: Mapping[str, str], column: str
) -> Iterator[Runner]:
    """A script of this folder that runs `work.serve`."""
    with _process(python, SCRIPTS / script, *arguments, env=env) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        writing, reading = process.stdin, process.stdout
        _answer(reading, 240)

        def run(work: Work) -> Mapping[str, float]:
            writing.write((as_line(work) + "\n").encode())
            writing.flush()
            return {column: float(_answer(reading, TEN_MINUTES)["seconds"])}

        yield run
        writing.close()
        process.wait(90)


def _answer(reading: IO[bytes], seconds: float) -> dict[str, float]:
    if not select.select([reading], [], [], seconds)[0]:
        raise RuntimeError(f"no answer within {seconds:.0f} s")
    line = reading.readline()
    if not line:
        raise RuntimeError("it ended before it answered")
    answer: dict[str, float] = json.loads(line)
    if "error" in answer:
        raise RuntimeError(str(answer["error"]))
    return answer


def _scripted(script: str, *arguments: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    def start(contender: Contender, stage: Stage, python: Path) -> AbstractContextManager[Runner]:
        env = {**stage.env, "DAGSTER_HOME": str(stage.home)}
        return _served(script, *arguments, python=python, env=env, column=contender.columns[0])

    return start


@contextmanager
def _prefect(contender: Contender, stage: Stage, python: Path) -> Iterator[Runner]:
    port = _free_port()
    env = {
        **stage.env,
        "PREFECT_HOME": str(stage.home / contender.name.replace(" ", "-")),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    server = [python, "-m", "prefect", "server", "start", "--port", str(port)]
    with _process(*server, env=env):
        _wait_for_port(port)
        kind = contender.name.split()[1]
        with _served("with_prefect.py", kind, python=python, env=env, column=contender.columns[0]) as run:
            yield run


@contextmanager
def _airflow(contender: Contender, stage: Stage, python: Path) -> Iterator[Runner]:
    home = stage.home / "airflow"
    dags = home / "dags"
    dags.mkdir(parents=True)
    for name in ("with_airflow.py", "work.py"):
        (dags / name).write_bytes((SCRIPTS / name).read_bytes())
    port = str(_free_port())
    env = {
        **stage.env,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(PROCESSES),
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(_free_port()),
    }
    with _served("with_airflow.py", python=python, env=env, column=contender.columns[0]) as run:
        yield run


@contextmanager
def _local(contender: Contender, stage: Stage, _: Path) -> Iterator[Runner]:
    def run(work: Work) -> Mapping[str, float]:
        command = [sys.executable, f"{work.flow}.py", "run"]
        return {contender.columns[0]: _timed(command, stage)}

    yield run


@contextmanager
def _mftctl(contender: Contender, stage: Stage, _: Path) -> Iterator[Runner]:
    isolation = "spawn" if contender.name.endswith("spawn") else "fork"
    queue = f"bench-{isolation}"
    for flow in stage.flows.glob("*.py"):
        # Two deployments of each flow: a deployment has one task queue, and a worker one isolation.
        _command(
            [*MFTCTL, "deploy", flow.name, "--name", f"{flow.stem}-{isolation}", "--task-queue", queue], stage
        )
    worker = [*MFTCTL, "worker", "--queue", queue, "--isolation", isolation]
    with _process(*worker, env=stage.env, cwd=stage.flows):
        file = stage.home / f"run-id-{isolation}"

        def run(work: Work) -> Mapping[str, float]:
            name = f"{work.flow}-{isolation}"
            command = [*MFTCTL, "trigger", name, "--wait", "--run-id-file", str(file)]
            whole = _timed(command, stage)
            return dict(
                zip(contender.columns, (_duration(stage, file.read_text().strip()), whole), strict=False)
            )

        yield run


@contextmanager
def _peer(contender: Contender, stage: Stage, python: Path) -> Iterator[Runner]:
    """From a checkout: its wheels on PyPI lack the template of the worker, so they compile nothing."""
    checkout = os.environ.get("METAFLOW_TEMPORAL")
    if not checkout:
        raise RuntimeError("METAFLOW_TEMPORAL is not set to a checkout of npow/metaflow-temporal")
    env = {**stage.env, "PYTHONPATH": checkout}
    peer = Stage(stage.flows, stage.home, stage.address, env)
    workers: dict[str, AbstractContextManager[subprocess.Popen[bytes]]] = {}
    try:

        def run(work: Work) -> Mapping[str, float]:
            file = f"{work.flow}_worker.py"
            if work.flow not in workers:
                create = ["temporal", "create", "--output", file, "--temporal-host", stage.address]
                _command([python, f"{work.flow}.py", *create, "--max-workers", str(PROCESSES)], peer)
                workers[work.flow] = _process(python, file, env=env, cwd=stage.flows)
                workers[work.flow].__enter__()
            said = _command([python, file, "trigger"], peer)
            return {contender.columns[0]: _duration(stage, said.split()[-1].removeprefix("temporal-"))}

        yield run
    finally:
        for worker in workers.values():
            worker.__exit__(None, None, None)
        for made in stage.flows.glob("*_worker.py"):
            made.unlink()


STARTS = {
    "mftctl": _mftctl,
    "mftctl spawn": _mftctl,
    "flow.py run": _local,
    "metaflow-temporal": _peer,
    "Temporal fork": _scripted("with_temporal.py", "fork"),
    "Temporal pool": _scripted("with_temporal.py", "pool"),
    "Temporal async": _scripted("with_temporal.py", "async"),
    "Prefect processes": _prefect,
    "Prefect threads": _prefect,
    "Dagster": _scripted("with_dagster.py"),
    "Airflow": _airflow,
    "DBOS": _scripted("with_dbos.py"),
}


@contextmanager
def _process(
    *command: str | Path, env: Mapping[str, str], cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process with pipes, its errors in a file of HOME; it is ended with SIGTERM."""
    log = Path(env["HOME"]) / "contenders.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(90)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(command: list[str | Path], stage: Stage) -> str:
    """What a command that ends well says."""
    done = subprocess.run(
        command,
        check=False,
        cwd=stage.flows,
        env=stage.env,
        capture_output=True,
        text=True,
        timeout=TEN_MINUTES,
    )
    if done.returncode:
        raise RuntimeError(f"{command[1]} … ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def _timed(command: list[str | Path] | list[str], stage: Stage) -> float:
    began = time.perf_counter()
    _command([*command], stage)
    return time.perf_counter() - began


def _duration(stage: Stage, workflow_id: str) -> float:
    """Seconds from a run's start to its end, as Temporal records them."""

    async def described() -> float:
        client = await Client.connect(stage.address)
        run = await client.get_workflow_handle(workflow_id).describe()
        assert run.close_time is not None
        return (run.close_time - run.start_time).total_seconds()

    return asyncio.run(described())


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def _wait_for_port(port: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if answers(port):
            return
        time.sleep(0.2)
    raise RuntimeError(f"nothing answers at port {port}")
