"""The flow's code package: into the datastore, and into this machine's cache, where a worker looks first."""

from __future__ import annotations

import sys
from typing import Any

from ..flowhost.environment import package_folder
from ..flowhost.package import unpack
from ..manifest import Package


def make(state: Any, cache: str) -> Package:
    """Package the flow's folder as `run` does and save it under its digest."""
    from metaflow.package import MetaflowPackage

    _bring_saga(state.environment)
    package = MetaflowPackage(
        state.flow, state.environment, state.echo, suffixes=state.package_suffixes, flow_datastore=None
    )
    blob = package.blob
    url, sha = state.flow_datastore.save_data([blob], len_hint=1)[0]
    made = Package(sha=sha, url=url, metadata=package.package_metadata)
    unpack(made, blob, package_folder(cache, made))
    return made


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
