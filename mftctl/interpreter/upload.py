"""Stores a file for an IncludeFile parameter, by a process of the flow's interpreter."""

from __future__ import annotations

import asyncio
import sys
from subprocess import DEVNULL

from ..model.codec import to_plain
from ..model.errors import MftctlError
from ..model.manifest import Manifest
from ..model.parameter import Parameter
from .client import Client, ProcessEnded, interpreter_of
from .inside.environment import settings

_OF_DATASTORE = ("METAFLOW_DATA", "METAFLOW_S3_", "METAFLOW_AZURE_")


def upload(manifest: Manifest, parameter: Parameter, path: str) -> str:
    """Store a file in the deployment's datastore; its descriptor, which is the parameter's value for a run.

    Call it in a thread of its own: it waits. Where this machine lacks the interpreter that the flow was deployed with,
    mftctl's own stores the file. MftctlError when the file cannot be stored.
    """
    return asyncio.run(_upload(manifest, parameter, path))


async def _upload(manifest: Manifest, parameter: Parameter, path: str) -> str:
    launch = manifest.launch
    # Metaflow reads these when it is imported.
    env = {name: value for name, value in settings(launch).items() if name.startswith(_OF_DATASTORE)}
    python = interpreter_of(launch, sys.executable)
    client = Client.start(python, "upload", env, output=DEVNULL)
    fields = {
        "flow": launch.flow,
        "parameter": to_plain(parameter),
        "path": path,
        "datastore": launch.datastore,
        "datastore_root": launch.datastore_root,
    }
    try:
        descriptor: str = await client.request("upload", fields)
    except ProcessEnded:
        problem = f"the flow's interpreter {python} {await client.end_reason()}"
    except MftctlError as error:
        problem = error.message
    else:
        return descriptor
    finally:
        client.kill()
    raise MftctlError(
        f"parameter '{parameter.name}': cannot store {path} in the {launch.datastore} datastore: {problem}",
        code="datastore",
    )
