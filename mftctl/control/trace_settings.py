"""Whether to trace: the standard variables of OpenTelemetry say so."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..model.errors import UsageError

if TYPE_CHECKING:
    from .tracing import Tracer

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def tracer(report: Callable[[str], None]) -> Tracer | None:
    """A tracer where an endpoint is named, unless tracing is turned off; UsageError for a protocol that is not ours."""
    get = os.environ.get
    if not any(map(get, _ENDPOINTS)) or get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return None
    for name in _PROTOCOLS:
        if get(name, "http/protobuf") != "http/protobuf":
            raise UsageError(f"{name}: '{get(name)}' is not http/protobuf", hint="OTLP's port for it is 4318")
    # Only where it is used: 150 ms of each other command.
    from .tracing import Tracer

    return Tracer(report)
