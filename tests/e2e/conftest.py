"""What every end-to-end test stands on: the one file that users run."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import flowpython
import onefile
import pytest
import warm

ROOT = Path(__file__).resolve().parents[2]
#: Seconds after which something that should have happened never will; far more than it takes on a busy machine.
TIMEOUT = 90.0
#: Characters of a worker's log that are shown with a failed test: its end.
LOG_SHOWN = 4000
#: Fixtures of a file that take a while to make.
SHARED = {"lodging", "ports"}
#: Commands that write events with `-o jsonl`.
EVENTFUL = {"run", "trigger", "runs.watch", "runs.resume"}


@dataclass(frozen=True)
class Home:
    """A folder to run commands in, as the user's home, and what they find in their environment."""

    folder: Path
    env: dict[str, str]
    processes: list[subprocess.Popen[str]]

    def flow(self, name: str, source: str) -> Path:
        """Write a flow's file."""
        file = self.folder / name
        file.write_text(source)
        return file

    def run(self, *arguments: str, timeout: float = TIMEOUT, **env: str) -> subprocess.CompletedProcess[str]:
        """Run `mftctl` with these arguments to its end; JSON that it writes must be as its schema says."""
        done = warm.run(arguments, cwd=self.folder, env={**self.env, **env}, timeout=timeout)
        check_json(arguments, done.stdout, done.stderr)
        return done

    def command(
        self, *words: str, timeout: float = TIMEOUT, cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run any command to its end."""
        return subprocess.run(
            words,
            cwd=cwd or self.folder,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    def python(
        self, *words: str, timeout: float = TIMEOUT, cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `python` with a script, or with `-c` and a program, where Metaflow has been imported already."""
        return flowpython.run(words, cwd=cwd or self.folder, env={**self.env, **env}, timeout=timeout)

    def start(self, *arguments: str, log: Path | None = None, **env: str) -> subprocess.Popen[str]:
        """Start `mftctl`; it is ended with the test. With ``log``, both of its streams go there."""
        return self.start_command(*warm.COMMAND, *arguments, log=log, **env)

    def start_command(self, *words: str, log: Path | None = None, **env: str) -> subprocess.Popen[str]:
        """Start any command, as `start` does."""
        output = subprocess.PIPE if log is None else log.open("w")
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.DEVNULL if log is None else subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        if not isinstance(output, int):
            output.close()
        self.processes.append(process)
        return process

    def worker(self, *arguments: str, **env: str) -> Path:
        """Start a worker and wait until it serves; the file its words go to."""
        return self.serve(*warm.COMMAND, "worker", *arguments, **env)

    def serve(self, *words: str, **env: str) -> Path:
        """Start a command that is a worker and wait until it serves; the file its words go to."""
        log = self.folder / f"worker{len(self.processes)}.log"
        self.start_command(*words, log=log, **env)
        wait_until(lambda: "serving" in log.read_text(), "the worker serves")
        return log

    def left_running(self) -> list[str]:
        """Commands of processes that the test has started, by whatever way, and that still run (Linux only)."""
        return [command for _, command in self.running()]

    def running(self) -> list[tuple[int, str]]:
        """Ids and commands of these processes."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                environment = (process / "environ").read_bytes()
                if f"MFTCTL_TEST_HOME={self.env['HOME']}\0".encode() in environment:
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                    found.append((int(process.name), command.decode(errors="replace")))
            except OSError:
                continue
        return found


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file that share a home or a proxy in one process under xdist."""
    for item in items:
        shares = not SHARED.isdisjoint(getattr(item, "fixturenames", ()))
        if shares and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what its workers have written."""
    report = yield
    if report.failed:
        places = [one for one in getattr(item, "funcargs", {}).values() if isinstance(one, Home)]
        for log in sorted({log for place in places for log in place.folder.glob("*.log")}):
            report.sections.append((log.name, log.read_text(errors="replace")[-LOG_SHOWN:]))
    return report


@pytest.fixture(scope="session")
def zipapp(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`dist/mftctl`, built once a session from the checkout as it is (only the first build of a lock takes longer)."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if hasattr(request.config, "workerinput") else own
    with (shared / "zipapp.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "zipapp").exists():
            build = [sys.executable, ROOT / "packaging" / "build_zipapp.py"]
            subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
            (shared / "zipapp").touch()
    return ROOT / "dist" / "mftctl"


@pytest.fixture(scope="session")
def unpacked(zipapp: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder in which the file has been unpacked (XDG_CACHE_HOME), for later starts."""
    cache = tmp_path_factory.mktemp("unpacked")
    onefile.runner(zipapp, cache)("--version")
    return cache


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A user's home, with no Temporal server configured; at the end nothing may be left running in it."""
    yield from _home(tmp_path)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Temporal server: the one that MFTCTL_TEST_ADDRESS names, else one that `mftctl dev` runs.

    One that is named must have no deployments, and has none again in the end.
    """
    named = os.environ.get("MFTCTL_TEST_ADDRESS")
    if named:
        found = _schedules(named, "list")
        assert not found, f"{named} has deployments ({found}): the tests want a server of their own"
        yield named
        _schedules(named, "delete")
        return
    for place in _home(tmp_path_factory.mktemp("server")):
        process = place.start("dev", "--port", "0", "--ui-port", "0")
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT) == 0


def _schedules(address: str, what: str) -> str:
    """Deployments on a server, one a line; with `delete`, those that there were."""
    done = subprocess.run(
        [sys.executable, "-c", _SCHEDULES, address, what],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


_SCHEDULES = """
import asyncio, sys
from mftctl.console.process_exit import leave
from temporalio.client import Client

async def main():
    client = await Client.connect(sys.argv[1])
    for one in [one async for one in await client.list_schedules()]:
        if one.id.startswith("mftctl."):
            print(one.id)
            if sys.argv[2] == "delete":
                await client.get_schedule_handle(one.id).delete()

asyncio.run(main())
leave(0)
"""


@pytest.fixture
def served(home: Home, server: str) -> Home:
    """A home whose commands find the session's server."""
    return Home(home.folder, {**home.env, "TEMPORAL_ADDRESS": server}, home.processes)


@pytest.fixture(scope="module")
def lodging(tmp_path_factory: pytest.TempPathFactory, server: str) -> Iterator[Home]:
    """A home that all tests of a file share, whose commands find the session's server."""
    for place in _home(tmp_path_factory.mktemp("lodging")):
        yield Home(place.folder, {**place.env, "TEMPORAL_ADDRESS": server}, place.processes)


def _home(folder: Path) -> Iterator[Home]:
    scripts = str(Path(sys.executable).parent)
    # Short, and of its own: names of sockets are, and what is left in it is seen.
    sockets = Path(tempfile.mkdtemp(prefix="sockets-", dir="/tmp"))
    env = {
        "XDG_RUNTIME_DIR": str(sockets),
        "PATH": os.pathsep.join((scripts, os.environ.get("PATH", os.defpath))),
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "MFTCTL_DATA": str(folder / "data"),
        "MFTCTL_CACHE": str(folder / "cache"),
        "METAFLOW_USER": "tester",
        "METAFLOW_HOME": str(folder / "metaflow"),
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder / "work"),
        # Metaflow's reader lists all of its cache first, which by default all tests of a machine share.
        "METAFLOW_CLIENT_CACHE_PATH": str(folder / "client"),
        "PYTHONIOENCODING": "utf-8",
        "MFTCTL_TEST_HOME": str(folder),
    }
    for part in ("tmp", "work"):
        (folder / part).mkdir()
    place = Home(folder / "work", env, [])
    try:
        yield place
    finally:
        flowpython.close(env["MFTCTL_TEST_HOME"])
        end(place.processes)
    try:
        wait_until(lambda: not place.left_running(), "all processes of the test have ended")
    except BaseException:
        for pid, _ in place.running():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise
    left = list(sockets.glob("mftctl-*"))
    shutil.rmtree(sockets)
    assert not left, "a socket's folder is left"
    assert not list((folder / "tmp").glob("mftctl-*")), "a temporary folder is left"


def check_json(arguments: tuple[str, ...], out: str, error: str) -> None:
    """Hold what a command has written with `-o json` or `jsonl` against its schema, which knows all keys there are."""
    from mftctl.cli.app import GROUPS
    from mftctl.console.output import chosen

    form = chosen(arguments)
    if form not in {"json", "jsonl"} or not arguments:
        return
    if error.startswith("{"):
        hold(json.loads(error), "error")
    name = ".".join(arguments[: 2 if arguments[0] in GROUPS else 1])
    if form == "json" and out:
        hold(json.loads(out), name)
    for line in out.splitlines() if form == "jsonl" else ():
        told = json.loads(line)
        hold(told, "event" if "event" in told and name in EVENTFUL else name, line=True)


def hold(told: object, name: str, *, line: bool = False) -> None:
    """The value is what the schema says, and has no key that the schema does not know."""
    _validator(name, line=line).validate(told)


@cache
def _validator(name: str, *, line: bool) -> Any:
    """Made once: to check a schema takes longer than to check a value."""
    import jsonschema

    from mftctl.cli import schema

    found = schema.get(name)
    assert found is not None, f"{name} has no schema"
    if line and "items" in found:
        found = found["items"]
    whole = closed(found)
    made = jsonschema.validators.validator_for(whole)
    made.check_schema(whole)
    return made(whole, format_checker=jsonschema.FormatChecker())


def closed(schema: object) -> object:
    """The schema with every object's keys said in full."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **told} if "properties" in schema else told


def end(processes: list[subprocess.Popen[str]]) -> None:
    """End the processes that a test has started: all are asked before the first is waited for."""
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for process in processes:
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture(name="wait_until", scope="session")
def wait_until_fixture() -> Callable[..., None]:
    """`wait_until(condition, what)`, for tests: they cannot import from here."""
    return wait_until


def wait_until(condition: Callable[[], object], what: str, timeout: float = TIMEOUT) -> None:
    """Wait for a condition, and ask less often the longer it takes: many a condition is a command."""
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        assert waited < timeout, f"not in {timeout:g} s: {what}"
        time.sleep(max(0.05, waited / 20))
