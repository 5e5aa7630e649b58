"""The guardian of the embedded Temporal server: a small process that starts it, and stops it after its last user.

It runs as a script, with the standard library only. Each user holds a connection to its socket; when the last one is
closed, even by `kill -9`, it stops the server. So several runs and `mftctl dev` share one server and one database.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from typing import Any, NoReturn

START_TIMEOUT = 30.0
PORT_ATTEMPTS = 5
#: How often a server that ends by itself is started again, at the same address: its runs are in its database.
RESTARTS = 3
#: Seconds after which a server that ends has not done so for the cause of before.
STEADY = 600.0
#: Seconds to terminate a run whose `mftctl run` was killed, and the reason that Temporal shows.
TERMINATE_TIMEOUT = 20.0
REASON = "its `mftctl run` was killed"
#: Bytes of the server's output that are kept, to explain why it did not start.
TAIL_BYTES = 8192
#: Go's collector, run less often: a fifth of the processor time that the server takes to start.
GOGC = "400"


def main() -> None:
    """Serve until the last user is gone. argv: a JSON object, as `devserver` makes it."""
    config: dict[str, Any] = json.loads(sys.argv[1])
    listener = socket.socket(fileno=config["listener"])
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    guardian = Guardian(config, listener)
    signal.signal(signal.SIGTERM, lambda *_: guardian.end())
    os.chdir("/")
    guardian.serve()


class ServerUser:
    """A user of the server; ``run``: the run that it serves now, with its Temporal namespace, or None."""

    def __init__(self) -> None:
        self.run: dict[str, str] | None = None
        self._received = b""

    def receive(self, data: bytes) -> None:
        """Read its messages, JSON lines: ``{"run", "namespace"}`` when a run starts, null when it has ended."""
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self.run = json.loads(line)


class Guardian:
    """The server, and the connections of its users."""

    def __init__(self, config: dict[str, Any], listener: socket.socket) -> None:
        self._config = config
        self._listener = listener
        self._users: dict[socket.socket, ServerUser] = {}
        self._selector = selectors.DefaultSelector()
        self._server: subprocess.Popen[bytes] | None = None
        self._tail = b""
        self._address = ""
        self._ports = (0, 0)
        self._restarts, self._since = 0, 0.0
        self._home = os.path.dirname(config["state"])

    def serve(self) -> None:
        """Start the server, send users its address, and stop it when all are gone."""
        answer = self._start()
        words = json.dumps(answer).encode() + b"\n"
        self._selector.register(self._listener, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._accept(words)
                elif isinstance(key.fileobj, socket.socket):
                    self._read_user(key.fileobj)
                elif not self._read(key.fd):
                    self._selector.unregister(key.fd)
                    if not self._restart():
                        self.end()
            if not self._users:
                self._exit_if_unused()

    def end(self) -> NoReturn:
        """Stop the server and exit."""
        with suppress(OSError, ValueError, KeyError):
            with open(self._config["state"], encoding="utf-8") as state:
                ours = json.load(state)["socket"] == self._config["socket"]
            if ours:
                os.unlink(self._config["state"])
        with suppress(OSError):
            os.unlink(self._config["socket"])
        with suppress(OSError):
            os.rmdir(os.path.dirname(self._config["socket"]))
        if self._server is not None and self._server.returncode is None:
            # KILL, because TERM takes more than a second; the database survives it. Not with Popen, whose lock the
            # code that this signal handler interrupts may hold.
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(self._server.pid, signal.SIGKILL)
                os.waitpid(self._server.pid, 0)
        os._exit(0)

    def _start(self) -> dict[str, Any]:
        for _ in range(PORT_ATTEMPTS):
            free = free_ports(2)
            self._ports = port, ui_port = self._config["port"] or free[0], self._config["ui_port"] or free[1]
            try:
                started = self._run()
            except OSError as error:
                return {"error": f"{self._config['command'][0]} does not start: {error.strerror}"}
            if started:
                self._address = f"127.0.0.1:{port}"
                return {"address": f"127.0.0.1:{port}", "ui": f"http://127.0.0.1:{ui_port}"}
            if b"address already in use" not in self._tail or self._config["port"]:
                break
        lines = self._tail.decode(errors="replace").strip().splitlines()
        return {"error": lines[-1] if lines else "it exited without output"}

    def _run(self) -> bool:
        """Start the server and wait until it listens; False when it ends before."""
        port, ui_port = self._ports
        if listens(port):  # a server that ends for that would not be missed: somebody answers
            self._tail = b"address already in use"
            return False
        self._since = time.monotonic()
        ports = ["--port", str(port), "--ui-port", str(ui_port)]
        self._server = start_server([*self._config["command"], *ports], self._home)
        return self._wait(port)

    def _restart(self) -> bool:
        """Start the server again after it has ended, while somebody uses it; False when that fails."""
        assert self._server is not None
        self._server.kill()  # it may have closed its output only
        self._server.wait()
        if time.monotonic() - self._since > STEADY:
            self._restarts = 0
        while self._users and self._restarts < RESTARTS:
            self._restarts += 1
            with suppress(OSError):
                if self._run():
                    return True
        return False

    def _wait(self, port: int) -> bool:
        assert self._server is not None
        assert self._server.stdout is not None
        self._tail = b""
        output = self._server.stdout.fileno()
        os.set_blocking(output, False)
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if listens(port):
                self._selector.register(output, selectors.EVENT_READ)
                return True
            time.sleep(0.005)
            if not self._read(output):
                self._server.wait()
                return False
        self._server.kill()
        self._server.wait()
        self._tail += b"\nit does not answer"
        return False

    def _read(self, output: int) -> bool:
        """Read the server's output; False when it has exited."""
        try:
            data = os.read(output, 65536)
        except BlockingIOError:
            return True
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        return bool(data)

    def _accept(self, words: bytes) -> None:
        user, _ = self._listener.accept()
        try:
            user.sendall(words)
        except OSError:
            user.close()
            return
        self._users[user] = ServerUser()
        self._selector.register(user, selectors.EVENT_READ)

    def _read_user(self, user: socket.socket) -> None:
        try:
            data = user.recv(4096)
        except OSError:
            data = b""
        if data:
            self._users[user].receive(data)
            return
        self._selector.unregister(user)
        left = self._users.pop(user)
        user.close()
        if left.run is not None:
            self._terminate(**left.run)

    def _terminate(self, run: str, namespace: str) -> None:
        """Terminate the run of a user that was killed: no worker serves it."""
        words = ["workflow", "terminate", "--workflow-id", run, "--reason", REASON]
        where = ["--address", self._address, "--namespace", namespace]
        # The run may have ended by itself; one that cannot be terminated is found by a later command.
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

    def _exit_if_unused(self) -> None:
        """Exit unless a new user has just connected; the lock keeps others out meanwhile."""
        try:
            lock = open(self._config["lock"], "ab")  # noqa: SIM115 - closed below
        except OSError:  # the folder is gone: nobody can find the server any more
            self.end()
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not select.select([self._listener], [], [], 0)[0]:
                self.end()


def listens(port: int) -> bool:
    """Whether somebody listens at the port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Free ports, no two of them the same."""
    with ExitStack() as probes:
        found = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in found:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in found]


def start_server(command: list[str], home: str) -> subprocess.Popen[bytes]:
    """Start the server so that it ends with this process; ``home`` is a folder that it can read."""
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
    # It needs USER when the system does not know the user, and fails if it cannot read its configuration in HOME.
    environment.setdefault("USER", str(os.geteuid()))
    environment["HOME"] = home
    return environment


def _die_with_parent() -> None:
    import ctypes  # 2 ms, for Linux only

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


if __name__ == "__main__":
    main()
