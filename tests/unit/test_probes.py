"""Looks at servers that do not answer as they should; the others are in tests/e2e/test_connection.py."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from mftctl.control import probes
from mftctl.control.endpoint import Endpoint


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A port that takes connections; nobody waits long."""
    monkeypatch.setattr(probes, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


@pytest.mark.parametrize(("tls", "trouble"), [(False, "stranger"), (True, "handshake")])
def test_a_server_that_says_nothing(listener: socket.socket, tls: bool, trouble: str) -> None:
    """It takes the connection, and that is all: no look waits for ever."""
    seen = probes.look(Endpoint(f"127.0.0.1:{listener.getsockname()[1]}", tls=tls))
    assert [one.trouble for one in seen] == [None, None, trouble]


@pytest.mark.parametrize(
    ("tls", "answer", "trouble"),
    [
        (False, b"HTTP/1.1 400 Bad Request\r\n\r\n", "http_server"),
        (False, b"SSH-2.0-OpenSSH_9.2\r\n", "stranger"),
        (True, b"HTTP/1.1 400 Bad Request\r\n\r\n", "plain"),
        (True, b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00", "plain"),
        (False, b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00", None),
        (True, b"SSH-2.0-OpenSSH_9.2\r\n", "handshake"),
    ],
)
def test_what_a_server_is_by_its_first_words(
    listener: socket.socket, tls: bool, answer: bytes, trouble: str | None
) -> None:
    """HTTP/2 is what gRPC speaks; everything else is no Temporal server."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        seen = probes.look(Endpoint(f"127.0.0.1:{listener.getsockname()[1]}", tls=tls))
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    assert seen[-1].trouble == trouble
