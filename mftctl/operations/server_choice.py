"""Which Temporal server a command uses, and why. Imports no temporalio."""

from __future__ import annotations

import os

from ..control.connection.endpoint import Endpoint, resolve, settings
from ..local import devserver
from ..profiles import Profile, Source
from .command_options import Connection


def names_server(connection: Connection, profile: Profile) -> bool:
    """Whether anything configures a server: a flag, a variable, the profile or Temporal's own file."""
    if profile.get("address", connection.address) or os.environ.get("TEMPORAL_ADDRESS"):
        return True
    found = settings(profile)
    return found["address"].source.kind != "default" or "temporal_profile" in found


def endpoint(connection: Connection, profile: Profile) -> Endpoint:
    """The server that is configured, or the embedded one that is running, or the default address."""
    if not names_server(connection, profile) and (running := devserver.running()) is not None:
        return embedded(running, connection, profile)
    return resolve(profile, connection.address, connection.temporal_namespace)


def embedded(address: str, connection: Connection, profile: Profile) -> Endpoint:
    """The embedded server: without TLS and keys, which are for other servers."""
    namespace = settings(profile, temporal_namespace=connection.temporal_namespace)["temporal_namespace"]
    sources = {"address": Source("default", "the embedded server"), "temporal_namespace": namespace.source}
    return Endpoint(address, namespace.value, sources=sources)
