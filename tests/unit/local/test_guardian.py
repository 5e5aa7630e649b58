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
