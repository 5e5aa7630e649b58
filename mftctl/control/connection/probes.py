"""Probe a server that Temporal's SDK could not connect to: its name, port and TLS, in this order.

The SDK only reports that the transport failed. The probes use the same settings as the SDK.
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

#: Seconds for each probe.
TIMEOUT = 5.0
#: The start of an HTTP/2 connection, with empty settings; every gRPC server answers with its settings.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SETTINGS = 4

_Network = Literal["dns", "refused", "silent", "unreachable"]
_Certificate = Literal["ca", "expired", "not_yet", "name", "pair", "pem", "client_missing", "client_refused"]
_Protocol = Literal["plain", "wanted", "http_server", "stranger", "handshake"]
Problem = _Network | _Certificate | _Protocol
#: What OpenSSL found wrong with the server's certificate (its X509_V_ERR_*).
_VERIFICATION: dict[int, Problem] = {9: "not_yet", 10: "expired", 62: "name", 63: "name", 64: "name"}


@dataclass(frozen=True)
class ProbeResult:
    """The result of a probe: ``problem`` is None when it succeeded; ``detail`` quotes the system or OpenSSL."""

    check: Literal["dns", "tcp", "tls"]
    problem: Problem | None = None
    detail: str = ""


def probe(endpoint: Endpoint) -> list[ProbeResult]:
    """Probe until one fails, which is then the last result; all three succeed when the problem lies elsewhere."""
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
    # A TLS server closes the connection, with or without an alert; only a handshake proves that it is one.
    if _shakes_hands(endpoint):
        return ProbeResult("tls", "wanted")
    return ProbeResult("tls", "stranger", "" if answer else "it closes the connection, or sends nothing")


def _probe_tls(endpoint: Endpoint, connection: socket.socket) -> ProbeResult:
    try:
        context = _context(endpoint)
    except ssl.SSLError as error:
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        return ProbeResult("tls", "pair" if mismatch else "pem", _reason(error))
    try:
        with context.wrap_socket(connection, server_hostname=endpoint.server_name or endpoint.host) as secure:
            # With TLS 1.3 the client's handshake ends before the server has checked the client's certificate.
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
    """Why the server aborted the handshake."""
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
        # TLS 1.2 reports a missing client certificate so, among other things.
        return ProbeResult("tls", "client_missing", _reason(error))
    return ProbeResult("tls", "handshake", _reason(error))


def _speaks_plain(endpoint: Endpoint) -> bool:
    with contextlib.suppress(OSError), _connect(endpoint) as connection:
        answer = _greeting(connection)
        return _is_http2(answer) or answer.startswith((b"HTTP/1", b"<"))
    return False


def _shakes_hands(endpoint: Endpoint) -> bool:
    """Whether the server speaks TLS, with any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # no data is sent
    try:
        with _connect(endpoint) as connection, context.wrap_socket(connection, server_hostname=endpoint.host):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False


def _greeting(connection: socket.socket) -> bytes:
    """The server's answer to the start of an HTTP/2 connection; empty when it closes it or sends nothing."""
    answer = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        with contextlib.suppress(ssl.SSLEOFError, BrokenPipeError):
            # It may have closed the connection after an alert, which can still be read.
            connection.sendall(_PREFACE)
        while len(answer) < 9:
            data = connection.recv(4096)
            if not data:
                break
            answer += data
    return answer


def _is_http2(answer: bytes) -> bool:
    """Whether the answer begins with a settings frame, which has stream 0."""
    return len(answer) >= 9 and answer[3] == _SETTINGS and answer[5:9] == bytes(4)


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context(
        cadata=endpoint.ca.data.decode("ascii", "replace") if endpoint.ca else None
    )
    # As in the SDK: the name must be among the certificate's subject alternative names.
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(["h2"])
    if endpoint.cert and endpoint.key:
        with _file(endpoint.cert) as cert, _file(endpoint.key) as key:
            context.load_cert_chain(cert, key)
    return context


@contextlib.contextmanager
def _file(pem: Pem) -> Iterator[str]:
    """The data as a file that only this user can read: OpenSSL loads client certificates from files only."""
    descriptor, path = tempfile.mkstemp(prefix="mftctl-pem-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem.data)
        yield path
    finally:
        os.unlink(path)


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).lower().replace("_", " ")
