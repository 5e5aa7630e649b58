"""Makes a flow's code package, stores it in the datastore, and unpacks it in this machine's cache for its workers."""

from __future__ import annotations

import sys
from typing import Any

from metaflow.exception import MetaflowException
from metaflow.package import MetaflowPackage

from ....model.manifest import Package
from ....model.package_contents import Contents
from .. import s3
from ..package_archive import unpack
from ..package_cache import package_folder
from .compile_error import CompileError, metaflow_error
from .package_inventory import contents_of


def make(state: Any, cache: str) -> tuple[Package, Contents]:
    """Package the flow's folder as `python flow.py run` does, and store it under its digest. Raises CompileError."""
    _check_reachable(state.flow_datastore)
    _include_saga(state.environment)
    try:
        package = MetaflowPackage(
            state.flow, state.environment, state.echo, suffixes=state.package_suffixes, flow_datastore=None
        )
    except MetaflowException as error:
        raise _environment_error(state, error) from error
    blob = package.blob
    url, sha = state.flow_datastore.save_data([blob], len_hint=1)[0]
    made = Package(sha=sha, url=url, metadata=package.package_metadata)
    names = unpack(made, blob, package_folder(cache, made))
    return made, contents_of(names, len(blob), state.entrypoint[1])


def _check_reachable(datastore: Any) -> None:
    """CompileError when S3 cannot be written; Metaflow would retry for minutes."""
    problem = s3.root_problem(datastore.TYPE, datastore.datastore_root)
    if problem is not None:
        message, hint = f"cannot store the code package: {problem}", "run `mftctl profile check`"
        raise CompileError(message, "datastore.unreachable", hint)


def _include_saga(environment: Any) -> None:
    """Add the parts of mftctl that the flow imports to its package: a compute backend's image may have no mftctl."""
    if "mftctl.saga" not in sys.modules:
        return
    files = {"mftctl": "mftctl/__init__.py", "mftctl.saga": "mftctl/saga.py"}
    ours = [(str(sys.modules[name].__file__), path) for name, path in files.items()]
    original = environment.add_to_package
    environment.add_to_package = lambda: [*(original() or []), *ours]


def _environment_error(state: Any, error: Any) -> CompileError:
    """The error of the environments of the flow's steps (`--environment`), which the packager makes first."""
    environment = state.environment
    disabled = getattr(environment, "is_disabled", lambda _: False)
    steps = ", ".join(step.__name__ for step in state.flow if not disabled(step))
    hint = ""
    if environment.TYPE in ("conda", "pypi"):
        hint = "install micromamba; if it is not on PATH, set METAFLOW_PATH_TO_MICROMAMBA"
    message = f"cannot make the {environment.TYPE} environment of steps {steps}: {metaflow_error(error)}"
    return CompileError(message, "flow.environment", hint)
