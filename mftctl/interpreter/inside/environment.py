"""The environment variables of a flow's processes, and the settings that each machine has its own values of."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import metaflow_config

if TYPE_CHECKING:
    # 12 ms of each task that is a new process.
    from ...model.manifest import Launch

#: Variable of tasks that run the user's own files: the folder of the code package that was made of them. Else empty.
IN_PLACE = "MFTCTL_IN_PLACE"
#: A worker's environment may have these for one flow; Metaflow would apply them to every flow.
_CONFIG_VARIABLES = ("METAFLOW_FLOW_CONFIG", "METAFLOW_FLOW_CONFIG_VALUE")
#: The same of the options of a deployment, which a run in place takes from the environment as `python flow.py run`.
_OPTION_VARIABLES = (
    "METAFLOW_BRANCH",
    "METAFLOW_PRODUCTION",
    "METAFLOW_FLOW_BRANCH",
    "METAFLOW_FLOW_PRODUCTION",
    "METAFLOW_DECOSPECS",
    "METAFLOW_LOCAL_CONFIG_FILE",
    "METAFLOW_MODE",
)
#: The same, which Metaflow would else take from its configuration file.
_DECORATORS = "METAFLOW_DEFAULT_DECOSPECS"
#: Settings that tasks have to find on another machine. In place Metaflow finds the same by itself, and a step that goes
#: to another folder, or starts a run there, finds those of that folder, as under `python flow.py run`.
_STORES = (
    "METAFLOW_DATASTORE_SYSROOT_LOCAL",
    "METAFLOW_DATATOOLS_LOCALROOT",
    "METAFLOW_DEFAULT_DATASTORE",
    "METAFLOW_DEFAULT_METADATA",
)
#: Settings of how a machine reaches a service, not of where data is kept.
_MACHINE = (
    "METAFLOW_SERVICE_URL",
    "METAFLOW_S3_ENDPOINT_URL",
    "METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT",
)


def variables(launch: Launch, folder: str, in_place: bool = False) -> dict[str, str]:
    """The variables that Metaflow's orchestrators set for a task (``argo_workflows.py``); ``folder``: its code package.

    Tasks that run the user's own files (``in_place``) see no extracted package, as those of `python flow.py run`.
    """
    found = settings(launch)
    place = {IN_PLACE: folder}
    if in_place:
        found = {name: value for name, value in found.items() if name not in _STORES}
    else:
        place = {IN_PLACE: "", "METAFLOW_EXTRACTED_ROOT": folder}
    return {
        **found,
        **place,
        "METAFLOW_CODE_METADATA": launch.package.metadata,
        "METAFLOW_CODE_SHA": launch.package.sha,
        "METAFLOW_CODE_URL": launch.package.url,
        "METAFLOW_CODE_DS": launch.datastore,
        "PYTHONUNBUFFERED": "x",
    }


def settings(launch: Launch) -> dict[str, str]:
    """The deployment's variables, without those that this machine sets itself.

    Each machine knows how it reaches services: its environment, or its Metaflow configuration, comes before the
    deployer's.
    """
    own = {name for name, value in (*os.environ.items(), *metaflow_config.settings().items()) if value}
    return {name: value for name, value in launch.env.items() if not (name in _MACHINE and name in own)}


def package_root() -> str:
    """The folder of this process's unpacked code package; empty in a process that serves no flow."""
    return os.environ.get(IN_PLACE) or os.environ.get("METAFLOW_EXTRACTED_ROOT", "")


def forget_options(*, in_place: bool) -> None:
    """Drop variables by which Metaflow takes options of its command line: the deployment has those of the deploy.

    Configs are in the code package (``config_options``), also of a run ``in_place``.
    """
    for name in (*_CONFIG_VARIABLES, *(() if in_place else _OPTION_VARIABLES)):
        os.environ.pop(name, None)
    if not in_place:
        os.environ[_DECORATORS] = ""


def config_options(launch: Launch, folder: str) -> tuple[str, ...]:
    """The option that names the file with the flow's Configs, as the native runtime passes it to its tasks."""
    file = os.path.join(folder, ".mf_meta", "CONFIG")
    given = "--config-value" in launch.options and os.path.exists(file)
    return (f"--local-config-file={file}",) if given else ()
