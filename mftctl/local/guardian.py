"""Owns the embedded Temporal server: a small process between the server and those who use it.

Run as a script, with the standard library alone. Each user holds a connection to its socket, and when the last is gone,
be it by `kill -9`, the server is stopped. So two runs and `mftctl dev` share one server and one database, and none of
them takes it from the others.
"""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

START_TIMEOUT = 30.0
PORT_ATTEMPTS = 5
#: Seconds in which a run is ended whose `mftctl run` was killed, and why Temporal says that it was.
TERMINATE_TIMEOUT = 20.0
REASON = "its `mftctl run` was killed"
#: What is kept of the server's own words, to say why it did not start.
TAIL_BYTES = 8192
#: Go's collector, run less often: a fifth of the processor time that the server takes to start.
GOGC = "400"


def main() -> None:
    """Serve until nobody is left. argv: a JSON object as `devserver` makes it."""
    config: dict[str, Any] = json.loads(sys.argv[1])
    listener = socket.socket(fileno=config["listener"])
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    guardian = Guardian(config, listener)
    signal.signal(signal.SIGTERM, lambda *_: guardian.end())
    os.chdir("/")
    guardian.serve()


class ServerUser:
    """Who uses the server: ``run`` is the run that it serves just now, with its Temporal namespace, or None."""

    def __init__(self) -> None:
        self.run: dict[str, str] | None = None
        self._heard = b""

    def hear(self, data: bytes) -> None:
        """Take what it says: a JSON line, ``{"run", "namespace"}`` when a run begins, null when it is over."""
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            self.run = json.loads(line)


class Guardian:
    """The server, and the connections of those who use it."""

    def __init__(self, config: dict[str, Any], listener: socket.socket) -> None:
        self._config = config
        self._listener = listener
        self._users: dict[socket.socket, ServerUser] = {}
        self._selector = selectors.DefaultSelector()
        self._server: subprocess.Popen[bytes] | None = None
        self._tail = b""
        self._address = ""
        self._home = os.path.dirname(config["state"])

    def serve(self) -> None:
        """Start the server, tell users where it is, and stop it when they are gone."""
        answer = self._start()
        words = json.dumps(answer).encode() + b"\n"
        self._selector.register(self._listener, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._welcome(words)
                elif isinstance(key.fileobj, socket.socket):
                    self._part(key.fileobj)
                elif not self._read(key.fd):
                    self.end()
            if not self._users:
                self._leave_if_alone()

    def end(self) -> None:
        """Stop the server and leave."""
        for path in (self._config["socket"], self._config["state"]):
            with suppress(OSError):
                os.unlink(path)
        with suppress(OSError):
            os.rmdir(os.path.dirname(self._config["socket"]))
        if self._server is not None and self._server.returncode is None:
            # Not TERM, at which it lingers for more than a second: its database is made for a sudden end.
            # Nor by Popen, whose lock this process may hold where the signal has stopped it.
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(self._server.pid, signal.SIGKILL)
                os.waitpid(self._server.pid, 0)
        os._exit(0)

    def _start(self) -> dict[str, Any]:
        for _ in range(PORT_ATTEMPTS):
            port = self._config["port"] or free_port()
            ui_port = self._config["ui_port"] or free_port()
            ports = ["--port", str(port), "--ui-port", str(ui_port)]
            try:
                self._server = start_server([*self._config["command"], *ports], self._home)
            except OSError as error:
                return {"error": f"{self._config['command'][0]} does not start: {error.strerror}"}
            if self._wait(port):
                self._address = f"127.0.0.1:{port}"
                return {"address": f"127.0.0.1:{port}", "ui": f"http://127.0.0.1:{ui_port}"}
            if b"address already in use" not in self._tail or self._config["port"]:
                break
        lines = self._tail.decode(errors="replace").strip().splitlines()
        return {"error": lines[-1] if lines else "it ended without a word"}

    def _wait(self, port: int) -> bool:
        assert self._server is not None
        assert self._server.stdout is not None
        self._tail = b""
        output = self._server.stdout.fileno()
        os.set_blocking(output, False)
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.005)
            else:
                self._selector.register(output, selectors.EVENT_READ)
                return True
            if not self._read(output):
                self._server.wait()
                return False
        self._server.kill()
        self._tail += b"\nit does not answer"
        return False

    def _read(self, output: int) -> bool:
        """Take what the server says; False when it has ended."""
        try:
            data = os.read(output, 65536)
        except BlockingIOError:
            return True
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        return bool(data)

    def _welcome(self, words: bytes) -> None:
        user, _ = self._listener.accept()
        try:
            user.sendall(words)
        except OSError:
            user.close()
            return
        self._users[user] = ServerUser()
        self._selector.register(user, selectors.EVENT_READ)

    def _part(self, user: socket.socket) -> None:
        try:
            data = user.recv(4096)
        except OSError:
            data = b""
        if data:
            self._users[user].hear(data)
            return
        self._selector.unregister(user)
        left = self._users.pop(user)
        user.close()
        if left.run is not None:
            self._terminate(**left.run)

    def _terminate(self, run: str, namespace: str) -> None:
        """End the run of a user who has left without a word: nobody serves it any more."""
        words = ["workflow", "terminate", "--workflow-id", run, "--reason", REASON]
        where = ["--address", self._address, "--namespace", namespace]
        # One that is over by itself is no trouble; of one that cannot be ended a later command sees that it is left.
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [self._config["command"][0], *words, *where],
                env=_environment(self._home),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=TERMINATE_TIMEOUT,
                check=False,
            )

    def _leave_if_alone(self) -> None:
        """Leave unless somebody has just come; the lock keeps newcomers out meanwhile."""
        with open(self._config["lock"], "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._listener.settimeout(0)
            ready = selectors.DefaultSelector()
            ready.register(self._listener, selectors.EVENT_READ)
            if ready.select(0):
                self._listener.settimeout(None)
                return
            self.end()


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_server(command: list[str], home: str) -> subprocess.Popen[bytes]:
    """Start the server so that it ends with us, however we end; ``home`` is a folder that it can read."""
    return subprocess.Popen(
        command,
        env=_environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - it has no threads
    )


def _environment(home: str) -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TEMPORAL_") and name != "XDG_CONFIG_HOME"
    }
    environment.setdefault("GOGC", GOGC)
    # It asks these for a user whom the system does not know, and fails where it may not read its configuration.
    environment.setdefault("USER", str(os.geteuid()))
    environment["HOME"] = home
    return environment


def _die_with_parent() -> None:
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


if __name__ == "__main__":
    main()
