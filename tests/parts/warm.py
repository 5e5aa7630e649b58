"""Runs `mftctl` commands in forks of a process that has its modules imported.

Importing them is most of what a short command takes, and the tests run a thousand. A fork is a process as any other:
with arguments, environment, folder, streams, handlers and exit code of its own, and it goes the way from
`mftctl.__main__.main` on. What a fork could hide is left to new processes: how the interpreter is started
(`fits`), what is imported when, signals and terminals.

    python warm.py SOCKET      serves, until the other end of stdin is closed
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "mftctl")
#: What an interpreter reads when it starts, or a library when it is loaded.
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_")
#: Those of them that tests set to one value or two: there is a process for each.
FEW = {"LANG", "LC_ALL", "PYTHONIOENCODING"}
WITH_METAFLOW = ("mftctl.metaflow_cli.entry", "mftctl.metaflow_cli.deployer_queries")


def run(
    arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run `python -m mftctl` to its end, as `subprocess.run` would, without input."""
    at_start = {name: value for name, value in env.items() if name.startswith(READ_AT_START)}
    if at_start.keys() <= FEW and at_start.get("PYTHONIOENCODING") == "utf-8":
        return _warm(frozenset(at_start.items())).run(arguments, cwd, env, timeout)
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=timeout,
        check=False,
    )


@cache
def _warm(at_start: frozenset[tuple[str, str]]) -> Warm:
    made = Warm(dict(at_start))
    atexit.register(made.close)
    return made


class Warm:
    """The serving process and the way to it. It ends with `close`, or when this process does."""

    def __init__(self, at_start: Mapping[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        self._socket = str(Path(self._folder.name) / "socket")
        own = {name: value for name, value in os.environ.items() if not name.startswith(READ_AT_START)}
        self._process = subprocess.Popen(
            [sys.executable, __file__, self._socket],
            env={**own, **at_start, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == b"ready"

    def run(
        self, arguments: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run `mftctl` with these arguments."""
        words = [*COMMAND, *arguments]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
            code = self._run(arguments, cwd, env, timeout, [out.fileno(), error.fileno()])
            texts = []
            for stream in (out, error):
                stream.seek(0)
                texts.append(stream.read().decode("utf-8", "backslashreplace"))
        if code is None:
            late = subprocess.TimeoutExpired(words, timeout, *texts)
            late.add_note(f"it had written:\n{texts[0]}\n{texts[1]}")
            raise late
        return subprocess.CompletedProcess(words, code, *texts)

    def _run(
        self, arguments: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float, streams: list[int]
    ) -> int | None:
        told = json.dumps({"argv": list(arguments), "cwd": str(cwd), "env": dict(env)}).encode()
        with socket.socket(socket.AF_UNIX) as way:
            way.connect(self._socket)
            socket.send_fds(way, [len(told).to_bytes(8, "big")], streams)
            way.sendall(told)
            with way.makefile() as answer:
                pid = int(answer.readline())
                way.settimeout(timeout)
                try:
                    return int(answer.readline())
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    return None

    def close(self) -> None:
        """End the process, once the commands that it runs have ended."""
        self._process.communicate()
        self._folder.cleanup()


def serve(where: str) -> None:
    """Answer each connection from a fork, in which another one runs the command, until stdin is closed."""
    gc.disable()  # what is imported stays
    _import_all()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(where)
        listening.listen(100)
        print("ready", flush=True)
        answering: set[int] = set()
        while listening in select.select([listening, sys.stdin], [], [])[0]:
            connection, _ = listening.accept()
            answering = _still(answering)
            with connection:
                if not (child := os.fork()):
                    listening.close()
                    _answer(connection)
            answering.add(child)

    for child in answering:
        os.waitpid(child, 0)


def _still(answering: set[int]) -> set[int]:
    """Those that have not ended. They are waited for, so that their CPU counts as this process's children's."""
    return {child for child in answering if not os.waitpid(child, os.WNOHANG)[0]}


def _import_all() -> None:
    """Import what commands import, but what wants Metaflow, which reads the environment."""
    import mftctl.__main__
    import mftctl.cli
    import mftctl.control

    for package in (mftctl.cli, mftctl.control):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not module.name.startswith(WITH_METAFLOW):
                importlib.import_module(module.name)
    importlib.import_module("temporalio.client")
    assert "metaflow" not in sys.modules
    assert len(os.listdir("/proc/self/task")) == 1 if os.path.exists("/proc/self/task") else True


def _answer(connection: socket.socket) -> None:
    head, streams, _, _ = socket.recv_fds(connection, 8, 2)
    with connection.makefile("rb") as way:
        told = json.loads(way.read(int.from_bytes(head, "big")))
    if not (child := os.fork()):
        connection.close()
        _become(told, streams)
    connection.sendall(b"%d\n" % child)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(BrokenPipeError):  # nobody waits any longer
        connection.sendall(b"%d\n" % code)
    os._exit(0)


def _become(told: dict[str, Any], streams: list[int]) -> None:
    """Be the process that `python -m mftctl` would be."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, source in enumerate((nothing, *streams)):
        os.dup2(source, number)
    os.closerange(3, max(nothing, *streams) + 1)
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["env"])
    time.tzset()
    encoding = told["env"].get("PYTHONIOENCODING", "utf-8")
    sys.stdin = open(0, encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    from mftctl import __main__ as command

    sys.argv[:] = [command.__file__, *told["argv"]]
    sys.orig_argv[:] = [sys.executable, "-m", "mftctl", *told["argv"]]
    sys.path[0] = told["cwd"]
    sys.modules["__main__"] = command
    gc.unfreeze()
    gc.enable()
    command.main()


if __name__ == "__main__":
    serve(sys.argv[1])
