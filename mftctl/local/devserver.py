"""The embedded Temporal server: start or join the one that all processes of this machine share."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..model.errors import ConflictError, MftctlError, UnreachableError
from ..profiles import data_dir
from . import guardian
from .server_binary import download, installed

#: A no-op activity in a fan takes 22 ms without these pragmas, and 5 with them.
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
#: A step after a step takes 50 ms without the first. The others save processor time at the start: one partition is
#: enough for one machine, and the scanners have nothing to find here.
DYNAMIC = (
    "history.transferProcessorMaxPollRPS=2000",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    "worker.taskQueueScannerEnabled=false",
    "worker.historyScannerEnabled=false",
    "worker.executionsScannerEnabled=false",
    "worker.buildIdScavengerEnabled=false",
)
START_TIMEOUT = guardian.START_TIMEOUT * guardian.PORT_ATTEMPTS
MAX_REASON = 200
#: Seconds that a guardian without users has to end.
END_TIMEOUT = 3.0
_HINT_FOLDER = "set MFTCTL_DATA to a writable folder"


@dataclass
class Lease:
    """A lease of the embedded server, which runs while a living process holds one.

    ``started``: the server did not run before.
    """

    address: str
    ui: str
    started: bool
    connection: socket.socket

    def register_run(self, run_id: str, namespace: str) -> None:
        """Have the guardian end the run if this process is killed."""
        self._send({"run": run_id, "namespace": namespace})

    def unregister_run(self) -> None:
        """The run has ended."""
        self._send(None)

    def _send(self, what: dict[str, str] | None) -> None:
        with suppress(OSError):  # calls to the server report that it has stopped
            self.connection.sendall(json.dumps(what).encode() + b"\n")

    def release(self) -> None:
        """End the lease."""
        self.connection.close()

    def wait(self) -> None:
        """Wait until the server has stopped."""
        self.connection.settimeout(None)
        with suppress(OSError):
            while self.connection.recv(64):
                pass


class ServerStart:
    """A server that starts, or that was joined; ``lease`` waits for it."""

    def __init__(self, connection: socket.socket, *, started: bool) -> None:
        self._connection = connection
        self._started = started

    def lease(self) -> Lease:
        """Wait for the server; MftctlError says why it did not start."""
        self._connection.settimeout(START_TIMEOUT)
        try:
            words = b""
            while not words.endswith(b"\n"):
                data = self._connection.recv(4096)
                if not data:
                    break
                words += data
        except OSError as error:
            self._connection.close()
            raise _start_failed(str(error)) from error
        answer: dict[str, str] = json.loads(words or b"{}")
        if "address" not in answer:
            self._connection.close()
            raise _start_failed(answer.get("error", "it exited at once"))
        return Lease(answer["address"], answer["ui"], self._started, self._connection)


def database() -> Path:
    """The database file of the embedded server, with all its runs."""
    return data_dir() / "temporal.db"


def open_server(port: int = 0, ui_port: int = 0) -> ServerStart:
    """Start the server, or join the running one; 0 is a free port."""
    with _locked():
        connection = _join()
        if connection is not None:
            return ServerStart(connection, started=False)
        for number in (port, ui_port):
            _refuse_taken(number)
        return ServerStart(_start(port, ui_port), started=True)


def running() -> str | None:
    """The address of the embedded server if it is running."""
    found = _running_server()
    return None if found is None else found.address


def ui_of(address: str) -> str | None:
    """The UI of the embedded server if it is running at that address."""
    found = _running_server()
    return found.ui if found is not None and found.address == address else None


def _running_server() -> Lease | None:
    """The lease, already released, of the embedded server if it is running."""
    with suppress(OSError, MftctlError, ValueError):
        connection = _join()
        if connection is not None:
            lease = ServerStart(connection, started=False).lease()
            lease.release()
            return lease
    return None


def _start(port: int, ui_port: int) -> socket.socket:
    command = [installed() or download(), "server", "start-dev", "--ip", "127.0.0.1"]
    tuning = [word for pragma in PRAGMAS for word in ("--sqlite-pragma", pragma)]
    tuning += [word for value in DYNAMIC for word in ("--dynamic-config-value", value)]
    database_lock = _lock_database()
    state = data_dir() / "server.json"
    path, listener = "", socket.socket(socket.AF_UNIX)
    try:
        path = _socket_path()
        listener.bind(path)
        listener.listen(64)
        state.write_text(json.dumps({"socket": path}))
    except OSError as error:
        listener.close()
        database_lock.close()
        _remove(path)
        raise _unwritable(error) from error
    config = {
        "listener": listener.fileno(),
        "lock": str(data_dir() / "server.lock"),
        "state": str(state),
        "socket": path,
        "command": [*command, "--db-filename", str(database()), "--log-level", "error", *tuning],
        "port": port,
        "ui_port": ui_port,
    }
    connection = socket.socket(socket.AF_UNIX)
    with listener, database_lock:
        try:
            # First: the guardian stops the server when its users are gone, also if this process ends in here.
            connection.connect(path)
            subprocess.Popen(
                [sys.executable, "-I", "-S", guardian.__file__, json.dumps(config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[listener.fileno(), database_lock.fileno()],
                start_new_session=True,
            )
        except OSError as error:
            connection.close()
            _remove(path)
            raise _start_failed(str(error.strerror)) from error
    return connection


def _join() -> socket.socket | None:
    """A connection to the guardian of the running server, or None."""
    try:
        path = json.loads((data_dir() / "server.json").read_text())["socket"]
    except (OSError, ValueError, KeyError):
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        _remove(path)  # left by a guardian that was killed
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


def _lock_database() -> IO[bytes]:
    """A lock that the guardian inherits and so holds until it has ended: a database has one server.

    A guardian may not be seen here: its socket may be in a folder that only another login or container has.
    """
    try:
        lock = open(data_dir() / "server.alive", "ab")  # noqa: SIM115 - the caller closes it
    except OSError as error:
        raise _unwritable(error) from error
    deadline = time.monotonic() + END_TIMEOUT
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.01)  # a guardian that has no users is about to end
                continue
            lock.close()
            raise ConflictError(
                f"another embedded Temporal server uses {database()}, and cannot be reached from here",
                code="server.elsewhere",
                hint="end the commands of the other login or container, or set MFTCTL_DATA to another folder",
            ) from None
        return lock


def _socket_path() -> str:
    """A path for the guardian's socket, which some systems limit to 104 bytes."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    if len(base) > 60 or not os.access(base, os.W_OK):
        base = "/tmp"  # noqa: S108 - mkdtemp follows
    folder = tempfile.mkdtemp(prefix="mftctl-", dir=base)
    return os.path.join(folder, "server")


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
    with suppress(OSError):
        os.rmdir(os.path.dirname(path))


def _refuse_taken(port: int) -> None:
    if port == 0:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConflictError(
                f"cannot use port {port}: {error.strerror}",
                code="port.taken",
                hint="choose others with --port and --ui-port; 0 is a free one",
            ) from error


def _start_failed(reason: str) -> MftctlError:
    # The cause is at the end of the server's long message.
    reason = " ".join((reason if len(reason) < MAX_REASON else reason.rsplit(": ", 1)[-1]).split())
    return UnreachableError(
        f"the embedded Temporal server did not start: {reason}",
        code="server.start",
        hint=f"its database is {database()}; {_HINT_FOLDER}, or set a server with --address",
    )


def _unwritable(error: OSError) -> MftctlError:
    return MftctlError(f"{error.filename or data_dir()}: {error.strerror}", code="disk", hint=_HINT_FOLDER)
