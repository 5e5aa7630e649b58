"""Open the client of a command. Imports temporalio."""

from __future__ import annotations

import json
import logging
import os
import sys

from temporalio.client import Client
from temporalio.runtime import Runtime

from .. import ROOT
from ..control.connection.connect import connect
from ..control.connection.sdk_runtime import new_runtime
from ..profiles import Profile
from .command_options import Connection
from .server_choice import endpoint


async def open_client(connection: Connection, profile: Profile, runtime: Runtime | None = None) -> Client:
    """Connect to the server; MftctlError with exit code 5 where that fails. ``runtime``: one that has no log."""
    where = endpoint(connection, profile)
    quiet_sdk(runtime)
    return await connect(where)


def export_to_tasks(client: Client, profile: Profile) -> None:
    """Set variables by which tasks, which inherit them, find this program and its server (``mftctl.events``)."""
    folder = os.path.dirname(ROOT)
    start = f"import sys; sys.path[:0] = [{folder!r}]; from mftctl.__main__ import main; main()"
    os.environ["MFTCTL_PROGRAM"] = json.dumps([sys.executable, "-c", start])
    os.environ["MFTCTL_ADDRESS"] = client.service_client.config.target_host
    os.environ["MFTCTL_TEMPORAL_NAMESPACE"] = client.namespace
    os.environ["MFTCTL_TLS"] = "true" if client.service_client.config.tls else "false"
    if profile.name is not None:
        os.environ["MFTCTL_PROFILE"] = profile.name


def quiet_sdk(runtime: Runtime | None = None) -> None:
    """Silence the SDK's own log: mftctl reports failing tasks and a lost server itself, once."""
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    Runtime.set_default(runtime or new_runtime(), error_if_already_set=False)
