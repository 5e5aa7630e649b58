"""The HTTP server for metrics: where it listens, and what it answers."""

from __future__ import annotations

import http.client
import socket
from http import HTTPStatus

import pytest

from mftctl.model.errors import Exit, UsageError
from mftctl.worker.metrics_server import Answer, MetricsServer


def get(url: str, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    """Status, content type and body of a page of the server."""
    place = url.removeprefix("http://").partition("/")[0]
    connection = http.client.HTTPConnection(place, timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.headers["Content-Type"], answer.read()


@pytest.mark.parametrize(
    "address",
    ["", "9464", "localhost", "host:", ":x", "::1:9464", "a:b:1", ":99999", "http://a:1", "a:1/metrics"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """The error names the option and the value, with exit code 2."""
    with pytest.raises(UsageError, match=f"--metrics: '{address}' is not HOST:PORT or :PORT") as refused:
        MetricsServer(address, "--metrics")
    assert refused.value.exit == Exit.USAGE


def test_an_address_in_use_is_refused() -> None:
    """Exit code 2, with the address and the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(
            UsageError, match=f"MFTCTL_METRICS: .* listen at {address}: Address already in use$"
        ):
            MetricsServer(address, "MFTCTL_METRICS")


def test_a_host_that_does_not_exist_is_refused() -> None:
    """Exit code 2, as for an address of another machine."""
    with pytest.raises(UsageError, match=r"cannot listen at nowhere\.invalid:0"):
        MetricsServer("nowhere.invalid:0", "--metrics")


@pytest.mark.parametrize("address", ["127.0.0.1:0", "localhost:0", ":0", "[::1]:0"])
def test_pages_are_answered(address: str) -> None:
    """GET and HEAD of the known paths, whatever the query; others say which paths there are."""
    if address.startswith("[") and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    server = MetricsServer(address, "--metrics")
    gone = Answer(b"away\n", HTTPStatus.SERVICE_UNAVAILABLE)
    server.serve({"/metrics": lambda: Answer(b"x 1\n", kind="text/special"), "/readyz": lambda: gone})
    port = server.url.rpartition(":")[2].partition("/")[0]
    url = server.url if address != ":0" else f"http://127.0.0.1:{port}/metrics"
    assert get(url, "/metrics?a=b") == (200, "text/special", b"x 1\n")
    assert get(url, "/metrics", "HEAD") == (200, "text/special", b"")
    assert get(url, "/readyz")[::2] == (503, b"away\n")
    assert get(url, "/")[::2] == (404, b"no such page; there are /metrics, /readyz\n")
