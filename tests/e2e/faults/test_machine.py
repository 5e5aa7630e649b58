"""What may go wrong with the machine and the way to the server: full disks, broken caches, a server that is away."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from links import Link
from ports import free_port

pytestmark = pytest.mark.xdist_group("faults")

FLOW = """
from metaflow import FlowSpec, Parameter, step

class Plain(FlowSpec):
    size = Parameter("size", default=0)

    @step
    def start(self):
        self.items = list(range(3))
        self.next(self.body, foreach="items")

    @step
    def body(self):
        print("x" * self.size)
        self.data = bytes(self.size)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.sizes = [len(one.data) for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Plain()
"""


def deploy(home: Any) -> None:
    home.flow("plain.py", FLOW)
    done = home.run("deploy", "plain.py")
    assert done.returncode == 0, done.stderr


def trigger(home: Any, *words: str, limit: str = "60s") -> dict[str, Any]:
    """How a run that was waited for has ended."""
    done = home.run("trigger", "Plain", *words, "--wait", "--timeout", limit, "-o", "json", timeout=150)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("broken", ["empty", "half", "changed"])
def test_a_broken_code_package_is_fetched_anew(served: Any, broken: str) -> None:
    """A package in the cache that lacks files, or holds others, is made anew: the run ends well."""
    deploy(served)
    served.worker("Plain")
    assert trigger(served)["status"] == "completed"
    (worker,) = served.processes
    worker.terminate()
    worker.wait()
    (package,) = Path(served.env["MFTCTL_CACHE"]).glob("packages/[0-9a-f]*")
    if broken == "empty":
        shutil.rmtree(package)
        package.mkdir()
    elif broken == "half":
        (package / "plain.py").unlink()
    else:
        (package / "plain.py").write_text("raise SystemExit('this is no flow')")
    served.worker("Plain")
    assert trigger(served)["status"] == "completed"


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "none", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("only root may mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """A file that takes all the room there is."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 512):
            with suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    return ballast


def test_a_full_cache_costs_no_run(served: Any, full: Path, wait_until: Callable[..., None]) -> None:
    """While a worker has no room for a code package it says so, and once there is room the run ends well."""
    deploy(served)
    log = served.worker("Plain", "--concurrency", "1", MFTCTL_CACHE=str(full))
    ballast = fill(full)
    started = served.run("trigger", "Plain", "-o", "name").stdout.strip()
    wait_until(lambda: "No space left" in log.read_text(), "the worker says what is wrong")
    ballast.unlink()
    done = served.run("runs", "watch", started, "-o", "jsonl", timeout=150)
    assert '"completed"' in done.stdout, done.stdout + done.stderr


def test_a_full_datastore_fails_the_run_in_words(served: Any, full: Path) -> None:
    """Where tasks cannot store their results the run fails and says why; once there is room it can be resumed."""
    served.env["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = str(full)
    deploy(served)
    served.worker("Plain", "--concurrency", "1")
    ballast = fill(full)
    ended = trigger(served)
    assert ended["status"] == "failed"
    assert "No space left on device" in json.dumps(ended["failure"]), ended
    ballast.unlink()
    done = served.run("runs", "resume", ended["run_id"], "--wait", "-o", "json", timeout=150)
    assert json.loads(done.stdout)["status"] == "completed", done.stderr


@pytest.mark.parametrize("isolation", ["fork", pytest.param("spawn", marks=pytest.mark.soak)])
def test_a_full_temporary_folder_costs_no_run(served: Any, full: Path, isolation: str) -> None:
    """Where a worker's TMPDIR has no room the runs end well: nothing that a run needs is kept there."""
    deploy(served)
    fill(full)
    served.worker("Plain", TMPDIR=str(full), MFTCTL_ISOLATION=isolation)
    assert trigger(served, "size=100000")["status"] == "completed"
    assert [one.name for one in full.iterdir()] == ["ballast"]


@pytest.mark.soak
def test_a_connection_that_freezes_is_left(served: Any) -> None:
    """A worker whose connection passes nothing for 40 s, without being closed, serves again when it does."""
    link = Link(served.env["TEMPORAL_ADDRESS"])
    try:
        deploy(served)
        served.worker("Plain", TEMPORAL_ADDRESS=link.address)
        assert trigger(served)["status"] == "completed"
        with link.frozen():
            started = served.run("trigger", "Plain", "-o", "name").stdout.strip()
            time.sleep(40)
        done = served.run("runs", "watch", started, "-o", "jsonl", timeout=150)
        assert '"completed"' in done.stdout, done.stdout + done.stderr
    finally:
        link.close()


@pytest.mark.soak
def test_a_server_that_was_away_for_a_minute(
    home: Any, tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    """A server that is stopped for 60 s in mid-run and comes back with its database: the run goes on and ends well."""
    port = free_port()
    home.env["TEMPORAL_ADDRESS"] = f"127.0.0.1:{port}"
    server = start_server(tmp_path, port)
    try:
        home.flow("plain.py", FLOW)
        wait_until(lambda: home.run("deploy", "plain.py").returncode == 0, "the server is up")
        home.worker("Plain", "--concurrency", "1")
        started = home.run("trigger", "Plain", "-o", "name").stdout.strip()
        server.kill()
        server.wait()
        time.sleep(60)
        server = start_server(tmp_path, port)
        wait_until(lambda: home.run("runs", "describe", started).returncode == 0, "the server is back")
        done = home.run("runs", "watch", started, "-o", "jsonl", timeout=150)
        assert '"completed"' in done.stdout, done.stdout + done.stderr
        assert trigger(home)["status"] == "completed"
    finally:
        server.kill()
        server.wait()


def start_server(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """A server with a database of its own in the folder."""
    binary = shutil.which("temporal", path=str(Path(sys.executable).parent)) or "temporal"
    words = [binary, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)]
    words += ["--db-filename", str(folder / "t.db"), "--log-level", "error"]
    words += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(words, stdout=log, stderr=log)
