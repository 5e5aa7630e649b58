"""The HTTP server of `mftctl worker --metrics`: /metrics, /healthz and /readyz, answered in threads of its own."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

from ..model.errors import UsageError

#: Seconds that a client has to send its request, and to take the answer.
CLIENT_TIMEOUT = 10.0

_ADDRESS = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<host>[^\[\]:/\s]*)):(?P<port>\d{1,5})")


@dataclass(frozen=True)
class Answer:
    """An answer to a request: plain text, of a version of Prometheus' format for /metrics."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    kind: str = "text/plain; charset=utf-8"


def address_of(address: str, source: str) -> re.Match[str]:
    """The parts of HOST:PORT or :PORT; UsageError, which names ``source``, where it is none."""
    found = _ADDRESS.fullmatch(address)
    if found is None or int(found["port"]) > 65535:
        raise UsageError(f"{source}: '{address}' is not HOST:PORT or :PORT", hint="for example :9464")
    return found


class MetricsServer:
    """Listens at an address from its creation on; ``serve`` begins to answer."""

    def __init__(self, address: str, source: str) -> None:
        """Listen at HOST:PORT or :PORT; UsageError, which names ``source``, where that cannot be done."""
        found = address_of(address, source)
        host = found["v6"] or found["host"]
        try:
            self._socket = _listen(host, int(found["port"]))
        except OSError as error:
            # Not the text of create_server, which repeats the address.
            reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
            raise UsageError(
                f"{source}: the metrics server cannot listen at {address}: {reason}",
                hint="choose another address",
            ) from error
        port = self._socket.getsockname()[1]
        #: Where the metrics are.
        self.url = f"http://{f'[{host}]' if found['v6'] else host or socket.gethostname()}:{port}/metrics"

    def serve(self, answers: Mapping[str, Callable[[], Answer]]) -> None:
        """Answer requests for the paths of ``answers``, until the process ends."""
        server = _Server(self._socket, answers)
        threading.Thread(target=server.serve_forever, name="mftctl-metrics", daemon=True).start()


def _listen(host: str, port: int) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    ((family, *_, where), *_) = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return socket.create_server(where[:2], family=family)


class _Server(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, listening: socket.socket, answers: Mapping[str, Callable[[], Answer]]) -> None:
        super().__init__(listening.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.answers = answers

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is no error of the worker."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = CLIENT_TIMEOUT
    server_version = "mftctl"
    sys_version = ""

    def do_GET(self) -> None:
        answer = self._answer()
        self._head(answer)
        self.wfile.write(answer.body)

    def do_HEAD(self) -> None:
        self._head(self._answer())

    def log_message(self, format: str, *args: object) -> None:
        """A request is not worth a line in the worker's log."""

    def _answer(self) -> Answer:
        answers = self.server.answers
        path = self.path.partition("?")[0]
        if path not in answers:
            return Answer(f"no such page; there are {', '.join(answers)}\n".encode(), HTTPStatus.NOT_FOUND)
        return answers[path]()

    def _head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
