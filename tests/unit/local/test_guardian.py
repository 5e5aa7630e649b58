"""The process that owns the embedded server ends with it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mftctl.local import guardian

#: A guardian that is stopped while it waits for its server.
GUARDIAN = """
import socket, subprocess, sys
from mftctl.local.guardian import Guardian

folder = sys.argv[1]
guardian = Guardian({"socket": folder + "/socket", "state": folder + "/state"}, socket.socket())
guardian._server = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
open(folder + "/server", "w").write(str(guardian._server.pid))
guardian._server._waitpid_lock.acquire()
guardian.end()
sys.exit("it did not end")
"""


def test_a_signal_ends_it_wherever_it_comes(tmp_path: Path) -> None:
    """Also one that comes while it waits for its server, holding the lock of subprocess: both are gone."""
    done = subprocess.run([sys.executable, "-c", GUARDIAN, str(tmp_path)], timeout=30, check=False)
    assert done.returncode == 0
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "server").read_text()), 0)


#: A guardian without users, to which one connects while it decides whether to end.
UNUSED = """
import os, socket, sys
from mftctl.local.guardian import Guardian

folder = sys.argv[1]
listener = socket.socket(socket.AF_UNIX)
listener.bind(folder + "/socket")
listener.listen()
config = {"socket": folder + "/socket", "state": folder + "/state", "lock": folder + "/lock"}
guardian = Guardian(config, listener)
user = socket.socket(socket.AF_UNIX)
user.connect(folder + "/socket")
before = os.listdir("/dev/fd")
guardian._exit_if_unused()
assert os.listdir("/dev/fd") == before
listener.accept()
guardian._exit_if_unused()
sys.exit("it did not end")
"""


def test_it_ends_only_without_users(tmp_path: Path) -> None:
    """One that has just connected keeps it running, and costs no file descriptor; it ends when none is left."""
    done = subprocess.run([sys.executable, "-c", UNUSED, str(tmp_path)], timeout=30, check=False)
    assert done.returncode == 0


#: A server that ends when the file `die` is there, and takes it away.
SERVER = """
import os, socket, sys, time
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
listener = socket.create_server(("127.0.0.1", int(words["--port"])))
while not os.path.exists("{folder}/die"):
    time.sleep(0.01)
os.unlink("{folder}/die")
"""


def test_a_server_that_ends_by_itself_is_started_again(tmp_path: Path) -> None:
    """At the same address, while somebody uses it: runs go on from its database. After a few times it is given up."""
    (tmp_path / "server.py").write_text(SERVER.format(folder=tmp_path))
    listener, path = socket.socket(socket.AF_UNIX), str(tmp_path / "socket")
    listener.bind(path)
    listener.listen()
    config = {
        "listener": listener.fileno(),
        "lock": str(tmp_path / "lock"),
        "state": str(tmp_path / "state"),
        "socket": path,
        "command": [sys.executable, str(tmp_path / "server.py")],
        "port": 0,
        "ui_port": 0,
    }
    with listener, socket.socket(socket.AF_UNIX) as user:
        command = [sys.executable, guardian.__file__, json.dumps(config)]
        with subprocess.Popen(command, pass_fds=[listener.fileno()]) as process:
            user.connect(path)
            answer = json.loads(user.makefile().readline())
            port = answer["address"].rpartition(":")[2]
            for _ in range(guardian.RESTARTS):
                (tmp_path / "die").touch()
                while (tmp_path / "die").exists() or not guardian.listens(int(port)):
                    time.sleep(0.01)
                assert process.poll() is None
            (tmp_path / "die").touch()
            assert user.recv(1) == b""
            assert process.wait(30) == 0


def test_a_port_that_somebody_has_is_not_that_of_its_server(tmp_path: Path) -> None:
    """What listens there would answer in place of the server, and the server ends at once."""
    config = {"state": str(tmp_path / "state"), "command": ["/no/server"]}
    with socket.socket() as listener, socket.create_server(("127.0.0.1", 0)) as taken:
        one = guardian.Guardian(config, listener)
        one._ports = taken.getsockname()[1], 0
        assert not one._run()
        assert b"address already in use" in one._tail
