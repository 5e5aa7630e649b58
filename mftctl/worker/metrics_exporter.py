"""The SDK's exporter of metrics: it listens at a free port of this machine, and the worker passes its text on."""

from __future__ import annotations

import http.client
import socket
from contextlib import closing

from temporalio.runtime import PrometheusConfig, TelemetryConfig

from ..control.connection.sdk_runtime import new_runtime
from ..model.errors import MftctlError
from .metrics import BUCKETS, METRICS

#: Ports that are tried: another process may take one before the exporter does.
TRIES = 5
#: Seconds that the exporter has to answer.
TIMEOUT = 5.0

_LOCAL = "127.0.0.1"


class MetricsExporter:
    """A runtime of the SDK whose metrics, and those made with its meter, can be read as Prometheus text."""

    def __init__(self) -> None:
        for left in reversed(range(TRIES)):
            self._port = _free_port()
            try:
                self.runtime = new_runtime(_telemetry(self._port))
            except ValueError as error:  # the port has been taken meanwhile
                if not left:
                    raise MftctlError(f"the metrics cannot be exported: {error}", code="metrics") from error
            else:
                return

    def text(self) -> bytes:
        """All metrics in Prometheus' text format; OSError or HTTPException when the exporter does not answer."""
        with closing(http.client.HTTPConnection(_LOCAL, self._port, timeout=TIMEOUT)) as connection:
            connection.request("GET", "/metrics")
            return connection.getresponse().read()


def _telemetry(port: int) -> TelemetryConfig:
    buckets = {metric.stem: BUCKETS for metric in METRICS if metric.kind == "histogram"}
    prometheus = PrometheusConfig(
        f"{_LOCAL}:{port}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=buckets,
    )
    return TelemetryConfig(logging=None, metrics=prometheus, attach_service_name=False)


def _free_port() -> int:
    with socket.create_server((_LOCAL, 0)) as server:
        return int(server.getsockname()[1])
