"""Leases of the embedded server."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mftctl.local import devserver
from mftctl.model.errors import ConflictError, MftctlError, UnreachableError


def test_a_server_that_does_not_start_leaves_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time that it may take the guardian has one user less, and can end."""
    monkeypatch.setattr(devserver, "START_TIMEOUT", 0.01)
    ours, theirs = socket.socketpair()
    with theirs:
        with pytest.raises(MftctlError):
            devserver.ServerStart(ours, started=True).lease()
        assert theirs.recv(1) == b""


def test_a_database_has_one_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A second server is refused while a guardian that cannot be seen from here holds the database."""
    monkeypatch.setenv("MFTCTL_DATA", str(tmp_path))
    monkeypatch.setattr(devserver, "END_TIMEOUT", 0.01)
    monkeypatch.setattr(devserver, "installed", lambda: "/bin/true")
    with (tmp_path / "server.alive").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ConflictError, match=r"temporal\.db"):
            devserver.open_server()
    assert not (tmp_path / "server.json").exists()


#: A server that listens, and nothing more.
SERVER = """#!{python}
import socket, sys, time
words = sys.argv[1:]
listener = socket.create_server(("127.0.0.1", int(words[words.index("--port") + 1])))
time.sleep(600)
"""


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_guardian_holds_its_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The lock is the guardian's until it has ended, not that of the command that started it."""
    monkeypatch.setenv("MFTCTL_DATA", str(tmp_path))
    server = tmp_path / "temporal"
    server.write_text(SERVER.format(python=sys.executable))
    server.chmod(0o755)
    monkeypatch.setattr(devserver, "installed", lambda: str(server))
    lease = devserver.open_server().lease()
    seen = (tmp_path / "server.json").read_text()
    (tmp_path / "server.json").unlink()  # as from another container
    with monkeypatch.context() as context:
        context.setattr(devserver, "END_TIMEOUT", 0.01)
        with pytest.raises(ConflictError):
            devserver.open_server()
    (tmp_path / "server.json").write_text(seen)
    lease.release()
    devserver.open_server().lease().release()


def test_a_server_has_a_user_before_it_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command that ends in the middle of a start leaves none behind; one whose start fails says why."""
    monkeypatch.setenv("MFTCTL_DATA", str(tmp_path))
    monkeypatch.setattr(devserver, "installed", lambda: "/bin/true")
    seen: list[bool] = []

    def start(words: list[str], **_: Any) -> None:
        listener = socket.socket(fileno=os.dup(json.loads(words[-1])["listener"]))
        with listener:
            seen.append(bool(select.select([listener], [], [], 0)[0]))
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(UnreachableError, match="did not start: Resource temporarily unavailable"):
        devserver.open_server()
    assert seen == [True]
