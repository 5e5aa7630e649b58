"""The flow's code package: into the datastore, and into this machine's cache, where a worker looks first."""

from __future__ import annotations

import sys
from typing import Any

from ....model.manifest import Package
from .. import s3
from ..environment import package_folder
from ..package import unpack
from .blame import in_a_line
from .contents import Contents, contents_of
from .main import Refused


def make(state: Any, cache: str) -> tuple[Package, Contents]:
    """Package the flow's folder as `run` does and save it under its digest."""
    from metaflow.exception import MetaflowException
    from metaflow.package import MetaflowPackage

    _refuse_unreachable(state.flow_datastore)
    _bring_saga(state.environment)
    try:
        package = MetaflowPackage(
            state.flow, state.environment, state.echo, suffixes=state.package_suffixes, flow_datastore=None
        )
    except MetaflowException as error:
        raise _no_environment(state, error) from error
    blob = package.blob
    url, sha = state.flow_datastore.save_data([blob], len_hint=1)[0]
    made = Package(sha=sha, url=url, metadata=package.package_metadata)
    unpack(made, blob, package_folder(cache, made))
    return made, contents_of(made, blob, state.entrypoint[1])


def _refuse_unreachable(datastore: Any) -> None:
    """Say at once why nothing can be stored in S3; Metaflow would try for minutes."""
    if datastore.TYPE != "s3":
        return
    wrong = s3.problem(f"{datastore.datastore_root}/{s3.PROBE}", there=False)
    if wrong is not None:
        raise Refused(
            f"the code package cannot be stored: {wrong}",
            "datastore.unreachable",
            "see `mftctl profile check`",
        )


def _bring_saga(environment: Any) -> None:
    """Put what the flow imports of mftctl into its package: where a backend runs its steps, there may be no mftctl."""
    imported = [sys.modules[name] for name in ("mftctl", "mftctl.saga") if "mftctl.saga" in sys.modules]
    files = [(str(one.__file__), one.__name__.replace(".", "/")) for one in imported]
    if not files:
        return
    original = environment.add_to_package

    def add_to_package() -> Any:
        ours = [(files[0][0], f"{files[0][1]}/__init__.py"), (files[1][0], f"{files[1][1]}.py")]
        return [*(original() or []), *ours]

    environment.add_to_package = add_to_package


def _no_environment(state: Any, error: Any) -> Refused:
    """The packager first makes the environments of the flow's steps (`--environment`)."""
    environment = state.environment
    disabled = getattr(environment, "is_disabled", lambda _: False)
    steps = ", ".join(step.__name__ for step in state.flow if not disabled(step))
    hint = ""
    if environment.TYPE in ("conda", "pypi"):
        hint = "install micromamba, and name it in METAFLOW_PATH_TO_MICROMAMBA where it is not on PATH"
    message = f"--environment={environment.TYPE} of steps {steps} cannot be made: {in_a_line(error)}"
    return Refused(message, "flow.environment", hint)
