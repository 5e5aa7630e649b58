"""Leases of the embedded server."""

from __future__ import annotations

import socket

import pytest

from mftctl.local import devserver
from mftctl.model.errors import MftctlError


def test_a_server_that_does_not_start_leaves_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time that it may take the guardian has one user less, and can end."""
    monkeypatch.setattr(devserver, "START_TIMEOUT", 0.01)
    ours, theirs = socket.socketpair()
    with theirs:
        with pytest.raises(MftctlError):
            devserver.ServerStart(ours, started=True).lease()
        assert theirs.recv(1) == b""
