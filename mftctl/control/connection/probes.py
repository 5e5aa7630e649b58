"""Small looks of our own at a server that Temporal's SDK could not connect to: name, port, TLS, in this order.

The SDK says of all these only that the transport failed. Each look takes the settings that the SDK was given.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .endpoint import Endpoint, Pem

#: Seconds for each look.
TIMEOUT = 5.0
#: HTTP/2's first words, with empty settings: what every gRPC server answers with its own settings.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SETTINGS = 4

Problem = Literal[
    "dns",
    "refused",
    "silent",
    "unreachable",
    "ca",
    "expired",
    "not_yet",
    "name",
    "pair",
    "pem",
    "client_missing",
    "client_refused",
    "plain",
    "wanted",
    "http_server",
    "stranger",
    "handshake",
]
#: What OpenSSL found wrong with the server's certificate (its X509_V_ERR_*).
_VERIFICATION: dict[int, Problem] = {9: "not_yet", 10: "expired", 62: "name", 63: "name", 64: "name"}


@dataclass(frozen=True)
class ProbeResult:
    """What a look has shown: ``trouble`` None when all was well; ``detail`` is in the words of who said it."""

    check: Literal["dns", "tcp", "tls"]
    problem: Problem | None = None
    detail: str = ""


def probe(endpoint: Endpoint) -> list[ProbeResult]:
    """Look until something is wrong, which is then the last; all three are well where the trouble lies deeper."""
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return [ProbeResult("dns", "dns", getattr(error, "strerror", None) or str(error))]
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    seen = [ProbeResult("dns", detail=", ".join(addresses[:4]))]
    try:
        connection = _connect(endpoint)
    except TimeoutError:
        return [*seen, ProbeResult("tcp", "silent", f"no answer in {TIMEOUT:g} s")]
    except ConnectionRefusedError:
        return [*seen, ProbeResult("tcp", "refused", "connection refused")]
    except OSError as error:
        return [*seen, ProbeResult("tcp", "unreachable", str(error.strerror or error))]
    seen.append(ProbeResult("tcp"))
    with connection:
        seen.append(_probe_tls(endpoint, connection) if endpoint.tls else _probe_plain(endpoint, connection))
    return seen


def _connect(endpoint: Endpoint) -> socket.socket:
    return socket.create_connection((endpoint.host, endpoint.port), TIMEOUT)


def _probe_plain(endpoint: Endpoint, connection: socket.socket) -> ProbeResult:
    answer = _greeting(connection)
    if _is_http2(answer):
        return ProbeResult("tls", detail="not used")
    if answer.startswith((b"HTTP/1", b"<")):
        return ProbeResult("tls", "http_server")
    # Whoever speaks TLS ends the connection, with or without an alert; shaking hands with it is the proof.
    if _shakes_hands(endpoint):
        return ProbeResult("tls", "wanted")
    return ProbeResult("tls", "stranger", "" if answer else "it ends the connection, or says nothing")


def _probe_tls(endpoint: Endpoint, connection: socket.socket) -> ProbeResult:
    try:
        context = _context(endpoint)
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        return ProbeResult("tls", "pair" if mismatch else "pem", _reason(error))
    try:
        with context.wrap_socket(connection, server_hostname=endpoint.server_name or endpoint.host) as secure:
            # With TLS 1.3 a client has shaken hands before the server has looked at its certificate.
            answer = _greeting(secure)
            version = str(secure.version())
    except ssl.SSLCertVerificationError as error:
        return ProbeResult("tls", _VERIFICATION.get(error.verify_code, "ca"), error.verify_message)
    except ssl.SSLError as error:
        return _handshake_problem(endpoint, error)
    except OSError as error:
        return ProbeResult(
            "tls", "plain" if _speaks_plain(endpoint) else "handshake", str(error.strerror or error)
        )
    if _is_http2(answer):
        return ProbeResult("tls", detail=version)
    return ProbeResult("tls", "http_server" if answer.startswith(b"HTTP/1") else "stranger")


def _handshake_problem(endpoint: Endpoint, error: ssl.SSLError) -> ProbeResult:
    """What it means that the other side has ended the handshake."""
    reason = error.reason or ""
    if "CERTIFICATE_REQUIRED" in reason:
        return ProbeResult("tls", "client_missing", _reason(error))
    if "ALERT" in reason and any(word in reason for word in ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")):
        return ProbeResult("tls", "client_refused" if endpoint.cert else "client_missing", _reason(error))
    if _speaks_plain(endpoint):
        return ProbeResult("tls", "plain", _reason(error))
    if "UNRECOGNIZED_NAME" in reason:
        return ProbeResult("tls", "name", _reason(error))
    if "HANDSHAKE_FAILURE" in reason and not endpoint.cert:
        # How TLS 1.2 says that a certificate is missing, among other things.
        return ProbeResult("tls", "client_missing", _reason(error))
    return ProbeResult("tls", "handshake", _reason(error))


def _speaks_plain(endpoint: Endpoint) -> bool:
    with contextlib.suppress(OSError), _connect(endpoint) as connection:
        answer = _greeting(connection)
        return _is_http2(answer) or answer.startswith((b"HTTP/1", b"<"))
    return False


def _shakes_hands(endpoint: Endpoint) -> bool:
    """Whether TLS is spoken there, whatever becomes of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent over it
    try:
        with _connect(endpoint) as connection, context.wrap_socket(connection, server_hostname=endpoint.host):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False


def _greeting(connection: socket.socket) -> bytes:
    """What the server says to HTTP/2's first words; nothing when it ends the connection or keeps silent."""
    answer = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        with contextlib.suppress(ssl.SSLEOFError, BrokenPipeError):
            # It may have left already, and have said why: that is still there to be read.
            connection.sendall(_PREFACE)
        while len(answer) < 9:
            data = connection.recv(4096)
            if not data:
                break
            answer += data
    return answer


def _is_http2(answer: bytes) -> bool:
    """Whether the answer begins with a frame of settings, which has no stream."""
    return len(answer) >= 9 and answer[3] == _SETTINGS and answer[5:9] == bytes(4)


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context(
        cadata=endpoint.ca.data.decode("ascii", "replace") if endpoint.ca else None
    )
    # As the SDK has it: a name must be among the certificate's alternative ones.
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(["h2"])
    if endpoint.cert and endpoint.key:
        with _file(endpoint.cert) as cert, _file(endpoint.key) as key:
            context.load_cert_chain(cert, key)
    return context


@contextlib.contextmanager
def _file(pem: Pem) -> Iterator[str]:
    """The data as a file that only we can read: OpenSSL takes client certificates from nowhere else."""
    descriptor, path = tempfile.mkstemp(prefix="mftctl-pem-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem.data)
        yield path
    finally:
        os.unlink(path)


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")
