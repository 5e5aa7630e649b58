"""Save a file for an IncludeFile parameter as Metaflow's own command line does."""

from __future__ import annotations

import json
import os
from typing import Any

from ....model.errors import Exit, MftctlError
from ....model.manifest import Manifest, Parameter
from .. import s3
from ..environment import settings

_OF_DATASTORE = ("METAFLOW_DATA", "METAFLOW_S3_", "METAFLOW_AZURE_")


def upload(manifest: Manifest, parameter: Parameter, path: str) -> str:
    """Put the file into the deployment's datastore; the descriptor that Metaflow takes for the parameter's value.

    Metaflow reads its configuration when it is imported, so the deployment's comes first.
    """
    launch = manifest.launch
    for name, value in settings(launch).items():
        if name.startswith(_OF_DATASTORE):
            os.environ[name] = value
    try:
        from metaflow.includefile import CURRENT_UPLOADER
        from metaflow.plugins import DATACLIENTS
    except ImportError as error:
        raise MftctlError(
            f"files cannot be uploaded without metaflow: {error}", code="metaflow.missing"
        ) from error

    clients: dict[str, Any] = {client.TYPE: client for client in DATACLIENTS}
    problem = (
        s3.problem(f"{launch.datastore_root}/{s3.PROBE}", there=False) if launch.datastore == "s3" else None
    )
    if problem is not None:
        raise _not_saved(parameter, path, launch.datastore, problem)
    try:
        descriptor = CURRENT_UPLOADER.store(
            launch.flow,
            os.path.expanduser(path),
            parameter.is_text,
            parameter.encoding,
            clients[launch.datastore],
            lambda *_, **__: None,
        )
    except Exception as error:
        raise _not_saved(parameter, path, launch.datastore, " ".join(str(error).split())) from error
    return json.dumps(descriptor)


def _not_saved(parameter: Parameter, path: str, datastore: str, reason: str) -> MftctlError:
    message = f"parameter '{parameter.name}': {path} cannot be saved in the {datastore} datastore: {reason}"
    return MftctlError(message, exit=Exit.FAILED, code="datastore")
