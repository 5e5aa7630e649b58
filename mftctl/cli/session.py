"""A client for a command: which server it is, and why."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from ..profiles import Profile

if TYPE_CHECKING:
    from temporalio.client import Client

    from ..control.client import Target
    from .options import Connection


def target(connection: Connection, profile: Profile) -> Target:
    """Which server is meant by flags, MFTCTL_* and the profile."""
    from ..control.client import Target

    return Target(
        address=profile.get("address", connection.address),
        temporal_namespace=profile.get("temporal_namespace", connection.temporal_namespace),
        temporal_profile=profile.get("temporal_profile"),
        api_key_env=profile.get("api_key_env"),
    )


def names_server(connection: Connection, profile: Profile) -> bool:
    """Whether anything configures a server; answered without temporalio, which is slow to import, where that can be."""
    if profile.get("address", connection.address) or profile.get("temporal_profile"):
        return True
    if os.environ.get("TEMPORAL_ADDRESS"):
        return True
    if not (os.environ.get("TEMPORAL_CONFIG_FILE") or os.path.exists(_temporal_file())):
        return False
    from ..control.client import is_configured

    return is_configured(target(connection, profile))


async def open_client(connection: Connection, profile: Profile) -> Client:
    """A client of the server that is configured, else of the embedded one that runs."""
    from ..control.client import Target, connect

    quiet_sdk()
    wanted = target(connection, profile)
    if not names_server(connection, profile):
        from .. import devserver

        running = devserver.running()
        if running is not None:
            wanted = Target(address=running, temporal_namespace=wanted.temporal_namespace)
    return await connect(wanted)


def tell_tasks(client: Client, profile: Profile) -> None:
    """Let tasks, which inherit this environment, find this program and its server (``mftctl.events``)."""
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    start = f"import sys; sys.path[:0] = [{folder!r}]; from mftctl.__main__ import main; main()"
    os.environ["MFTCTL_PROGRAM"] = json.dumps([sys.executable, "-c", start])
    os.environ["MFTCTL_ADDRESS"] = client.service_client.config.target_host
    os.environ["MFTCTL_TEMPORAL_NAMESPACE"] = client.namespace
    if profile.name is not None:
        os.environ["MFTCTL_PROFILE"] = profile.name


def quiet_sdk() -> None:
    """Keep the SDK's own words off both streams: a failing task, or a lost server, is told by us, in words, once."""
    import logging

    from temporalio.runtime import Runtime, TelemetryConfig

    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)), error_if_already_set=False)


def _temporal_file() -> str:
    """Temporal's own configuration file."""
    base = (
        "~/Library/Application Support"
        if sys.platform == "darwin"
        else os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    )
    return os.path.expanduser(os.path.join(base, "temporalio", "temporal.toml"))
