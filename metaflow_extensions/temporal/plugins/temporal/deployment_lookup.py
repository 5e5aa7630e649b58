"""A Deployer for a deployment on the server: its manifest takes the place of the flow's file."""

from __future__ import annotations

import json
import os
import re
import tempfile
import weakref
from pathlib import Path
from typing import Any

from metaflow.exception import TemporalDeployerError
from metaflow.runner.deployer import Deployer, generate_fake_flow_file_contents

from .parameter_keywords import keyword

_TYPES = {"json": "JSON", "file": "FilePath"}
#: Variables that name the stores of a deployment; other variables of its tasks are not for this process.
_STORES = re.compile(
    r"^METAFLOW_(SERVICE_URL|DATASTORE_SYSROOT_\w+|DATATOOLS_(S3ROOT|LOCALROOT)|S3_ENDPOINT_URL)$"
)


def parse_identifier(identifier: str) -> tuple[str, dict[str, Any]]:
    """The name of a deployment and its server, from its name or its ``id``."""
    if not identifier.startswith("{"):
        return identifier, {}
    try:
        connection = json.loads(identifier)
        return connection.pop("name"), connection
    except (ValueError, KeyError) as error:
        message = f"{identifier!r} is not the name or the id of a deployment"
        raise TemporalDeployerError(message, "usage", 2) from error


def deployer_of(manifest: dict[str, Any], connection: dict[str, Any], metadata: str | None) -> Any:
    """The Deployer of a deployment; the file of its flow has parameters only."""
    launch = manifest["launch"]
    env = {key: value for key, value in launch["env"].items() if _STORES.match(key) and key not in os.environ}
    local = launch["env"].get("METAFLOW_DATASTORE_SYSROOT_LOCAL")
    if local and not os.path.isdir(local):  # a folder of another machine
        env.pop("METAFLOW_DATASTORE_SYSROOT_LOCAL", None)
        env.pop("METAFLOW_DATATOOLS_LOCALROOT", None)
    file = _flow_file(manifest)
    # That of a local datastore is one of the deployer's machine; others may be in no variable.
    root = {} if launch["datastore"] == "local" else {"datastore_root": launch["datastore_root"]}
    made = Deployer(
        file, env=env, metadata=launch["metadata"], datastore=launch["datastore"], pylint=False, **root
    ).temporal(deployment=manifest["deployment"], **connection)
    weakref.finalize(made, Path(file).unlink, missing_ok=True)
    made.name, made.flow_name = manifest["deployment"], launch["flow"]
    made.metadata = metadata or _metadata(launch)
    made.additional_info = {}
    made.special_parameters = {
        keyword(one["name"]): one["name"] for one in manifest.get("parameters", ()) if one.get("spelling")
    }
    return made


def _flow_file(manifest: dict[str, Any]) -> str:
    parameters = {
        one["name"]: {
            "name": one["name"],
            "python_var_name": f"p{number}",
            "type": _TYPES.get(one.get("type", "str"), one.get("type", "str")),
            "description": "",
            "is_required": bool(one.get("required")),
            "is_text": one.get("is_text", True),
            "encoding": one.get("encoding", "utf-8"),
        }
        for number, one in enumerate(manifest.get("parameters", ()))
    }
    with tempfile.NamedTemporaryFile("w", prefix="mftctl-flow-", suffix=".py", delete=False) as file:
        file.write(generate_fake_flow_file_contents(manifest["launch"]["flow"], parameters))
    return file.name


def _metadata(launch: dict[str, Any]) -> str:
    """The provider as ``MetadataProvider.metadata_str`` writes it."""
    local = launch["metadata"] == "local"
    where = launch["env"].get("METAFLOW_DATASTORE_SYSROOT_LOCAL" if local else "METAFLOW_SERVICE_URL")
    return f"{launch['metadata']}@{where}" if where else str(launch["metadata"])
