"""Environment variables of a deployment's tasks: the settings of the deployer's Metaflow that tasks need anywhere."""

from __future__ import annotations

import os
from typing import Any, Optional
from urllib.parse import urlsplit

from metaflow import metaflow_config
from metaflow.metaflow_config_funcs import config_values
from metaflow.plugins.datastores.local_storage import LocalStorage

#: Settings that tasks need wherever they run, none of them secret (``argo_workflows.py`` passes the same).
_CONFIG = (
    "SERVICE_URL",
    "S3_ENDPOINT_URL",
    "DATASTORE_SYSROOT_S3",
    "DATASTORE_SYSROOT_AZURE",
    "DATASTORE_SYSROOT_GS",
    "DATATOOLS_S3ROOT",
    "CARD_S3ROOT",
    "CARD_AZUREROOT",
    "CARD_GSROOT",
    "DEFAULT_SECRETS_BACKEND_TYPE",
    "AWS_SECRETS_MANAGER_DEFAULT_REGION",
    "GCP_SECRET_MANAGER_PREFIX",
    "AZURE_KEY_VAULT_PREFIX",
    "AZURE_STORAGE_BLOB_SERVICE_ENDPOINT",
    "S3_SERVER_SIDE_ENCRYPTION",
)
#: Names of the settings of compute backends begin with one of these.
_COMPUTE = tuple(
    f"METAFLOW_{name}"
    for name in (
        "BATCH_",
        "CONDA_PACKAGE_",
        "DEFAULT_CONTAINER_",
        "ECS_",
        "KUBERNETES_",
        "OTEL_",
        "SERVICE_INTERNAL_URL",
    )
)


def variables(state: Any, owner: str) -> dict[str, str]:
    """The variables by name. None is secret: each machine has its own credentials."""
    found = {f"METAFLOW_{name}": getattr(metaflow_config, name, None) for name in _CONFIG}
    root: Optional[str] = None
    if state.flow_datastore.TYPE == "local":
        root = state.flow_datastore.datastore_root
    elif state.metadata.TYPE == "local":
        root = LocalStorage.get_datastore_root_from_config(state.echo)
    if root:
        found["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = os.path.dirname(root)
        # Else Metaflow would take the folder `data` beside the flow, because the variable above is set.
        suffix = os.path.join(root, metaflow_config.DATATOOLS_SUFFIX)
        found["METAFLOW_DATATOOLS_LOCALROOT"] = metaflow_config.DATATOOLS_LOCALROOT or suffix
    found["METAFLOW_DEFAULT_DATASTORE"] = state.flow_datastore.TYPE
    found["METAFLOW_DEFAULT_METADATA"] = state.metadata.TYPE
    found["METAFLOW_RUNTIME_NAME"] = "temporal"
    found["METAFLOW_USER"] = found["METAFLOW_OWNER"] = owner
    kept = {name: str(value) for name, value in found.items() if value} | _compute_settings()
    return {name: value for name, value in kept.items() if not _has_password(value)}


def _has_password(value: str) -> bool:
    """Whether it is a URL with a user name or a password, which each machine must have itself."""
    try:
        return urlsplit(value).username is not None
    except ValueError:  # not a URL
        return False


def _compute_settings() -> dict[str, str]:
    """The deployer's settings of compute backends, whose commands a worker runs."""
    return {
        name: str(value)
        for name, value in config_values()
        if name.startswith(_COMPUTE) and name != "METAFLOW_KUBERNETES_SANDBOX_INIT_SCRIPT"
    }
