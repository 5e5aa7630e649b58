"""Looks at servers that do not answer as they should; the others are in tests/e2e/test_connection.py."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mftctl.control.connection import probes
from mftctl.control.connection.endpoint import Endpoint, Pem


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A port that takes connections; nobody waits long."""
    monkeypatch.setattr(probes, "TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


@pytest.mark.parametrize(("tls", "trouble"), [(False, "stranger"), (True, "handshake")])
def test_a_server_that_says_nothing(listener: socket.socket, tls: bool, trouble: str) -> None:
    """It takes the connection, and that is all: no look waits for ever."""
    seen = probes.probe(Endpoint(f"127.0.0.1:{listener.getsockname()[1]}", tls=tls))
    assert [one.problem for one in seen] == [None, None, trouble]


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
        seen = probes.probe(Endpoint(f"127.0.0.1:{listener.getsockname()[1]}", tls=tls))
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    assert seen[-1].problem == trouble


def test_a_server_that_left_before_we_spoke_is_still_heard(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With TLS 1.3 it may refuse our certificate and be gone before our first words are sent: its reason counts."""
    cert, key = certificate()
    (tmp_path / "cert").write_bytes(cert)
    (tmp_path / "key").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    context.verify_mode = ssl.CERT_REQUIRED  # and no authority of clients is known

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    gone = threading.Thread(target=serve)
    greet = probes._greeting

    def greet_late(connection: socket.socket) -> bytes:
        gone.join(10)
        return greet(connection)

    monkeypatch.setattr(probes, "_greeting", greet_late)
    gone.start()
    endpoint = Endpoint(
        f"127.0.0.1:{listener.getsockname()[1]}",
        tls=True,
        ca=Pem("ca", cert),
        cert=Pem("cert", cert),
        key=Pem("key", key),
        server_name="localhost",
    )
    assert probes.probe(endpoint)[-1].problem == "client_refused"


def certificate() -> tuple[bytes, bytes]:
    """A certificate that has signed itself, for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return made.public_bytes(pem), key.private_bytes(pem, *plain)
