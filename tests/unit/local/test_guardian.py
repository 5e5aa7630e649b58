"""The process that owns the embedded server ends with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
