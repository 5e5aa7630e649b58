"""Save a file for an IncludeFile parameter as Metaflow's own command line does."""

from __future__ import annotations

import json
import os
from typing import Any

from ..errors import Exit, MftctlError
from ..manifest import Manifest, Parameter


def upload(manifest: Manifest, parameter: Parameter, path: str) -> str:
    """Put the file into the deployment's datastore; the descriptor that Metaflow takes for the parameter's value.

    Metaflow reads its configuration when it is imported, so the deployment's comes first.
    """
    launch = manifest.launch
    os.environ.update({name: value for name, value in launch.env.items() if name.startswith("METAFLOW_DATA")})
    try:
        from metaflow.includefile import CURRENT_UPLOADER
        from metaflow.plugins import DATACLIENTS
    except ImportError as error:
        raise MftctlError(
            f"files cannot be uploaded without metaflow: {error}", code="metaflow.missing"
        ) from error

    clients: dict[str, Any] = {client.TYPE: client for client in DATACLIENTS}
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
        reason = " ".join(str(error).split())
        raise MftctlError(
            f"parameter '{parameter.name}': {path} cannot be saved in the {launch.datastore} datastore: {reason}",
            exit=Exit.FAILED,
            code="datastore",
        ) from error
    return json.dumps(descriptor)
