"""Fixtures of the fidelity suite: one stage, the reference dumps, one server and worker an isolation mode.

They end with a process's last test of the suite: a server with a worker of many deployments is never quite idle.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import flowpython
import pytest

from .catalogue import FlowCase
from .harness import Stage, dump, end_left_behind, make_stage, ours, temporal_server, worker
from .references import References, references_of

Dump = dict[str, Any]
MAKE_OLDEST = Path(__file__).resolve().parents[2] / "packaging" / "oldest.py"


def pytest_configure(config: pytest.Config) -> None:
    """Make the suite's marks known."""
    config.addinivalue_line("markers", "wide: a case with hundreds of tasks")
    if threading.current_thread() is threading.main_thread():
        # Ended by a signal, the session still ends the servers and workers it started.
        signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))
    config.addinivalue_line("markers", "fidelity: compares a run with `python flow.py run`")


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The flows, a home and a datastore for every run of the session."""
    python = os.environ.get("MFTCTL_FIDELITY_PYTHON", sys.executable)
    made = make_stage(tmp_path_factory.mktemp("fidelity") / "stage", python)
    yield made
    made.readers.close()


@pytest.fixture(scope="package")
def old_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage whose flows have the oldest supported Metaflow, in an interpreter of their own."""
    made = subprocess.run([sys.executable, MAKE_OLDEST], stdout=subprocess.PIPE, text=True, check=True)
    stage = make_stage(tmp_path_factory.mktemp("oldest") / "stage", made.stdout.strip())
    yield stage
    stage.readers.close()


@pytest.fixture(scope="package")
def references(
    stage: Stage, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[References]:
    """Reference dumps."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    made = references_of(stage, shared / "references", request.config)
    yield made
    made.pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="package")
def old_references(
    old_stage: Stage, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[References]:
    """Reference dumps of the oldest supported Metaflow."""
    made = references_of(old_stage, tmp_path_factory.mktemp("old-references"), request.config)
    yield made
    made.pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="package")
def mftctl() -> list[str]:
    """The command under test: MFTCTL_FIDELITY_COMMAND, or this checkout's package in this interpreter."""
    return shlex.split(os.environ.get("MFTCTL_FIDELITY_COMMAND", "")) or [sys.executable, "-m", "mftctl"]


@pytest.fixture(scope="package")
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
    flowpython.close(str(stage.folder))
    left = [process for env in environments.values() for process in end_left_behind(env)]
    assert not left, f"processes outlived the worker: {left}"


@pytest.fixture(scope="package")
def run_ours(
    stage: Stage, mftctl: list[str], served: Callable[[str], dict[str, str]]
) -> Callable[[FlowCase, str], Dump]:
    """Run a case through mftctl in an isolation mode."""

    def run(case: FlowCase, isolation: str) -> Dump:
        return dump(ours(case, stage, served(isolation), isolation, mftctl), stage, stage.environment())

    return run
