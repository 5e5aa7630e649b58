"""The embedded Temporal server: found, started, and shared by all who need one on this machine."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..model.errors import Exit, MftctlError
from ..profiles import data_dir
from . import guardian
from .server_binary import find_binary

#: A no-op activity in a fan takes 22 ms without these pragmas, and 5 with them.
PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
#: A hop in a chain takes 50 ms without the first. The rest spares the machine at the start, when the flow needs it:
#: one partition is enough for one machine, and what the scanners look for does not come up here.
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

    def serves(self, run_id: str, namespace: str) -> None:
        """Have the run ended if this process leaves without a word."""
        self._say({"run": run_id, "namespace": namespace})

    def serves_no_more(self) -> None:
        """The run is over."""
        self._say(None)

    def _say(self, what: dict[str, str] | None) -> None:
        with suppress(OSError):  # a server that is gone is told of by those who call it
            self.connection.sendall(json.dumps(what).encode() + b"\n")

    def release(self) -> None:
        """Give it up."""
        self.connection.close()

    def wait(self) -> None:
        """Wait until the server is gone."""
        self.connection.settimeout(None)
        with suppress(OSError):
            while self.connection.recv(64):
                pass


class ServerStart:
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
            raise _start_failed(str(error)) from error
        answer: dict[str, str] = json.loads(words or b"{}")
        if "address" not in answer:
            self._connection.close()
            raise _start_failed(answer.get("error", "it ended at once"))
        return Lease(answer["address"], answer["ui"], self._started, self._connection)


def database() -> Path:
    """The file that holds the history of all runs on the embedded server."""
    return data_dir() / "temporal.db"


def open_server(port: int = 0, ui_port: int = 0) -> ServerStart:
    """Begin to start the server, or join the one that runs; 0 is a free port."""
    with _locked():
        connection = _join()
        if connection is not None:
            return ServerStart(connection, started=False)
        for number in (port, ui_port):
            _refuse_taken(number)
        return ServerStart(_start(port, ui_port), started=True)


def running() -> str | None:
    """Address of the embedded server when one runs now."""
    found = _running_server()
    return None if found is None else found.address


def ui_of(address: str) -> str | None:
    """The UI of the embedded server when it runs at that address."""
    found = _running_server()
    return found.ui if found is not None and found.address == address else None


def _running_server() -> Lease | None:
    """The embedded server when one runs now; no share is held in it any more."""
    with suppress(OSError, MftctlError, ValueError):
        connection = _join()
        if connection is not None:
            lease = ServerStart(connection, started=False).lease()
            lease.release()
            return lease
    return None


def _start(port: int, ui_port: int) -> socket.socket:
    command = [find_binary(), "server", "start-dev", "--ip", "127.0.0.1", "--db-filename", str(database())]
    state = data_dir() / "server.json"
    path, listener = "", socket.socket(socket.AF_UNIX)
    try:
        path = _socket_path()
        listener.bind(path)
        listener.listen(64)
        state.write_text(json.dumps({"socket": path}))
    except OSError as error:
        listener.close()
        _remove(path)
        raise _unwritable(error) from error
    config = {
        "listener": listener.fileno(),
        "lock": str(data_dir() / "server.lock"),
        "state": str(state),
        "socket": path,
        "command": [*command, "--log-level", "error", *_tuning()],
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


def _tuning() -> list[str]:
    pragmas = [word for pragma in PRAGMAS for word in ("--sqlite-pragma", pragma)]
    return pragmas + [word for value in DYNAMIC for word in ("--dynamic-config-value", value)]


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


def _socket_path() -> str:
    """Where the guardian listens: in a short path, since a socket's may have 104 bytes on some systems."""
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
            raise MftctlError(
                f"port {port} cannot be used: {error.strerror}",
                exit=Exit.CONFLICT,
                code="port.taken",
                hint="name another with --port and --ui-port; 0 takes a free one",
            ) from error


def _start_failed(reason: str) -> MftctlError:
    # The server wraps what went wrong into the whole of what it was doing; the end says it.
    reason = " ".join((reason if len(reason) < MAX_REASON else reason.rsplit(": ", 1)[-1]).split())
    return MftctlError(
        f"the embedded Temporal server does not start: {reason}",
        exit=Exit.UNREACHABLE,
        code="server.start",
        hint=f"its database is {database()}; {_HINT_FOLDER}, or name a server with --address",
    )


def _unwritable(error: OSError) -> MftctlError:
    return MftctlError(f"{error.filename or data_dir()}: {error.strerror}", code="disk", hint=_HINT_FOLDER)
