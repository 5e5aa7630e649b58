"""A client for a command: which server it is, and why."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from .. import ROOT
from ..profiles import Profile

if TYPE_CHECKING:
    from temporalio.client import Client

    from ..control.connection.endpoint import Endpoint
    from .options import Connection


def names_server(connection: Connection, profile: Profile) -> bool:
    """Whether anything configures a server: a flag, a variable, the profile or Temporal's own file."""
    if profile.get("address", connection.address) or os.environ.get("TEMPORAL_ADDRESS"):
        return True
    from ..control.connection.endpoint import settings

    found = settings(profile)
    return found["address"].source.kind != "default" or "temporal_profile" in found


def endpoint(connection: Connection, profile: Profile) -> Endpoint:
    """The server that is configured, else the embedded one that runs, else where one would be expected."""
    if not names_server(connection, profile) and (running := embedded_address()) is not None:
        return embedded(running, connection, profile)
    from ..control.connection.endpoint import resolve

    return resolve(profile, connection.address, connection.temporal_namespace)


def embedded_address() -> str | None:
    """Where the embedded server is, when it runs."""
    from ..local import devserver

    return devserver.running()


def embedded(address: str, connection: Connection, profile: Profile) -> Endpoint:
    """The embedded server: without TLS and keys, which are meant for others."""
    from ..control.connection.endpoint import Endpoint, settings
    from ..profiles import Source

    namespace = settings(profile, temporal_namespace=connection.temporal_namespace)["temporal_namespace"]
    sources = {"address": Source("default", "the embedded server"), "temporal_namespace": namespace.source}
    return Endpoint(address, namespace.value, sources=sources)


async def open_client(connection: Connection, profile: Profile) -> Client:
    """A client of the server that is meant; MftctlError with exit code 5 says why there is none."""
    from ..control.connection.connect import connect

    where = endpoint(connection, profile)
    quiet_sdk()
    return await connect(where)


def tell_tasks(client: Client, profile: Profile) -> None:
    """Let tasks, which inherit this environment, find this program and its server (``mftctl.events``)."""
    folder = os.path.dirname(ROOT)
    start = f"import sys; sys.path[:0] = [{folder!r}]; from mftctl.__main__ import main; main()"
    os.environ["MFTCTL_PROGRAM"] = json.dumps([sys.executable, "-c", start])
    os.environ["MFTCTL_ADDRESS"] = client.service_client.config.target_host
    os.environ["MFTCTL_TEMPORAL_NAMESPACE"] = client.namespace
    os.environ["MFTCTL_TLS"] = "true" if client.service_client.config.tls else "false"
    if profile.name is not None:
        os.environ["MFTCTL_PROFILE"] = profile.name


def quiet_sdk() -> None:
    """Keep the SDK's own words off both streams: a failing task, or a lost server, is told by us, in words, once."""
    import logging

    from temporalio.runtime import Runtime, TelemetryConfig

    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)), error_if_already_set=False)
