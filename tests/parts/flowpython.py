"""Runs `python flow.py …` and `python -c …` in forks of a process that has Metaflow and our extension imported.

Importing them is most of what a command of a flow takes (0.8 s of CPU). Metaflow reads the environment when it is
imported, so there is a process for each environment that matters to it, from its first command to the end of the home
that it is for. What a fork could hide, how the interpreter starts and what it imports when, is left to new processes.

    python flowpython.py      serves a command for each line of stdin, until it is closed
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

#: What an interpreter or Metaflow reads when it starts. A run's own parameters are read later.
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "METAFLOW_", "HOME", "PATH", "USER")
READ_LATER = "METAFLOW_RUN_"
#: The variable by which a home's processes are known; the server is none of them.
MARK = "MFTCTL_TEST_HOME"
MODULES = (
    "metaflow",
    "mftctl.metaflow_cli.flow_deployments",
    "mftctl.operations.worker_file",
    "temporalio.client",
)
#: What Metaflow imports once it knows the flow, whose decorators and parameters add to its options.
OF_A_FLOW = "metaflow.cli"

_servers: dict[tuple[Any, ...], Server] = {}


def run(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run `python WORDS` to its end, as `subprocess.run` would, without input. ``words``: a file or `-c`, and more."""
    at_start = {
        name: value
        for name, value in env.items()
        if name.startswith(READ_AT_START) and not name.startswith(READ_LATER)
    }
    key = (env[MARK], *sorted(at_start.items()))
    if key not in _servers:
        _servers[key] = Server({name: value for name, value in env.items() if name != MARK}, cwd)
    return _servers[key].run(words, cwd, env, timeout)


def close(home: str) -> None:
    """End the processes that have served a home."""
    for key in [key for key in _servers if key[0] == home]:
        _servers.pop(key).close()


class Server:
    """The process of one environment."""

    def __init__(self, env: Mapping[str, str], cwd: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def run(
        self, words: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run `python` with these words."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as error:
            streams = (out.name, error.name)
            told = {"words": list(words), "cwd": str(cwd), "env": dict(env), "streams": streams}
            asked.write(json.dumps(told).encode() + b"\n")
            pid = int(answers.readline())
            in_time = bool(select.select([answers], [], [], timeout)[0])
            if not in_time:
                os.kill(pid, signal.SIGKILL)
            code = int(answers.readline())
            texts = [_text(stream) for stream in (out, error)]
        command = [sys.executable, *words]
        if not in_time:
            raise subprocess.TimeoutExpired(command, timeout, *texts)
        return subprocess.CompletedProcess(command, code, *texts)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _text(stream: Any) -> str:
    written: BinaryIO = stream
    written.seek(0)
    return written.read().decode("utf-8")


def serve() -> None:
    """Answer each line of stdin with the id of the process that runs the command, and then with its exit code."""
    own = set(globals())
    gc.disable()  # what is imported stays
    for name in MODULES:
        importlib.import_module(name)
    _import_what_it_imports(OF_A_FLOW)
    gc.freeze()
    # Metaflow puts classes into `__main__`, where what they pickle is looked for.
    added = {name: value for name, value in globals().items() if name not in own}
    for line in sys.stdin:
        if not (child := os.fork()):
            become(added, **json.loads(line))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


def _import_what_it_imports(name: str) -> None:
    """Import a module, and leave of it only what is not Metaflow's own."""
    before = set(sys.modules)
    importlib.import_module(name)
    for made in set(sys.modules) - before:
        parent, _, own = made.rpartition(".")
        if made.startswith("metaflow") and ".click" not in made:
            del sys.modules[made]
            if parent in sys.modules:
                vars(sys.modules[parent]).pop(own, None)


def become(
    added: Mapping[str, Any], words: list[str], cwd: str, env: Mapping[str, str], streams: list[str]
) -> None:
    """Be the process that `python WORDS` would be; it ends here. ``added``: what imports have put into `__main__`."""
    os.closerange(0, 256)
    for number, name in enumerate((os.devnull, *streams)):
        flags = os.O_WRONLY | os.O_APPEND if number else os.O_RDONLY
        assert os.open(name, flags) == number
        os.set_inheritable(number, True)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    with suppress(AttributeError):
        time.tzset()
    encoding = env.get("PYTHONIOENCODING", "utf-8")
    sys.stdin = open(0, encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    main = sys.modules["__main__"] = ModuleType("__main__")
    vars(main).update(added)
    sys.orig_argv[:] = [sys.executable, *words]
    gc.enable()
    if words[0] == "-c":
        sys.argv[:], sys.path[0] = ["-c", *words[2:]], ""
        code = compile(words[1], "<string>", "exec")
    else:
        sys.argv[:], sys.path[0] = words, str(Path(words[0]).resolve().parent)
        main.__file__ = words[0]
        code = compile(Path(words[0]).read_bytes(), words[0], "exec")
    exec(code, main.__dict__)  # noqa: S102 - it is what an interpreter does with its script
    sys.exit()


if __name__ == "__main__":
    serve()
