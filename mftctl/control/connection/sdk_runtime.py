"""The SDK's runtime: its telemetry, and how often workers send heartbeats."""

from __future__ import annotations

from datetime import timedelta

from temporalio.runtime import Runtime, TelemetryConfig

from ...model.declaration import HEARTBEAT

#: No log: mftctl reports failing tasks and a lost server itself, once.
QUIET = TelemetryConfig(logging=None)


def new_runtime(telemetry: TelemetryConfig = QUIET) -> Runtime:
    """A runtime whose workers send a heartbeat every HEARTBEAT seconds."""
    return Runtime(telemetry=telemetry, worker_heartbeat_interval=timedelta(seconds=HEARTBEAT))
