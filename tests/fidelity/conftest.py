"""Fixtures of the fidelity suite: one stage, one set of reference dumps, one server and worker an isolation mode."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .catalogue import FlowCase
from .harness import Stage, dump, end_left_behind, make_stage, ours, reference, temporal_server, worker

Dump = dict[str, Any]


def pytest_configure(config: pytest.Config) -> None:
    """Make the suite's marks known."""
    config.addinivalue_line("markers", "wide: a case with hundreds of tasks")
    if threading.current_thread() is threading.main_thread():
        # Ended by a signal, the session still ends the servers and workers it started.
        signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))
    config.addinivalue_line("markers", "fidelity: compares a run with `python flow.py run`")


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The flows, a home and a datastore for every run of the session."""
    python = os.environ.get("MFTCTL_FIDELITY_PYTHON", sys.executable)
    made = make_stage(tmp_path_factory.mktemp("fidelity") / "stage", python)
    yield made
    made.readers.close()


class References:
    """Reference dumps, made once a case for all processes of a session, two at a time, ahead of their tests."""

    def __init__(self, stage: Stage, kept: Path, ahead: list[FlowCase]) -> None:
        self.stage = stage
        self.kept = kept
        self.pool = ThreadPoolExecutor(max_workers=2)
        self.made: dict[str, Future[Dump]] = {}
        for case in ahead:
            self.start(case)

    def start(self, case: FlowCase) -> Future[Dump]:
        """Have a case's reference made, if it is not being made yet."""
        if case.name not in self.made:
            self.made[case.name] = self.pool.submit(self._kept, case)
        return self.made[case.name]

    def _kept(self, case: FlowCase) -> Dump:
        file = self.kept / f"{case.name}.json"
        with (self.kept / f"{case.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                file.write_text(json.dumps(self.make(case)), encoding="utf-8")
            found: Dump = json.loads(file.read_text(encoding="utf-8"))
            return found

    def make(self, case: FlowCase) -> Dump:
        """Run a case as `python flow.py run` and dump it."""
        env = self.stage.environment()
        return dump(reference(case, self.stage, env), self.stage, env)

    def __call__(self, case: FlowCase) -> Dump:
        """Give a case's reference dump."""
        return self.start(case).result()


@pytest.fixture(scope="session")
def references(
    stage: Stage, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[References]:
    """Reference dumps of the cases that this session selected."""
    base = tmp_path_factory.getbasetemp()
    shared = hasattr(request.config, "workerinput")  # under xdist each process has every test, and runs some
    kept = (base.parent if shared else base) / "references"
    kept.mkdir(exist_ok=True)
    selected: dict[str, FlowCase] = {}
    for item in () if shared else request.session.items:
        case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
        if isinstance(case, FlowCase):
            selected[case.name] = case
    made = References(stage, kept, list(selected.values()))
    yield made
    made.pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def mftctl() -> list[str]:
    """The command under test: MFTCTL_FIDELITY_COMMAND, or this checkout's package in this interpreter."""
    return shlex.split(os.environ.get("MFTCTL_FIDELITY_COMMAND", "")) or [sys.executable, "-m", "mftctl"]


@pytest.fixture(scope="session")
def served(
    stage: Stage, mftctl: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], dict[str, str]]]:
    """The environment of an isolation mode, each of which has a Temporal server and a worker to itself."""
    environments: dict[str, dict[str, str]] = {}
    with ExitStack() as started:

        def environment(isolation: str) -> dict[str, str]:
            if isolation not in environments:
                folder: Path = tmp_path_factory.mktemp(isolation)
                address = started.enter_context(temporal_server(folder))
                env = stage.environment(TEMPORAL_ADDRESS=address, MFTCTL_ISOLATION=isolation)
                env["PYTHONPATH"] = os.pathsep.join(
                    filter(None, [os.environ.get("MFTCTL_FIDELITY_PYTHONPATH")])
                )
                environments[isolation] = {k: v for k, v in env.items() if v}
                started.enter_context(worker(mftctl, stage, environments[isolation], folder / "worker.log"))
            return environments[isolation]

        yield environment
    left = [process for env in environments.values() for process in end_left_behind(env)]
    assert not left, f"processes outlived the worker: {left}"


@pytest.fixture(scope="session")
def run_ours(
    stage: Stage, mftctl: list[str], served: Callable[[str], dict[str, str]]
) -> Callable[[FlowCase, str], Dump]:
    """Run a case through mftctl in an isolation mode."""

    def run(case: FlowCase, isolation: str) -> Dump:
        return dump(ours(case, stage, served(isolation), isolation, mftctl), stage, stage.environment())

    return run
