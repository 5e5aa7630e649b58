"""The flow's code package: into the datastore, and into this machine's cache, where a worker looks first."""

from __future__ import annotations

from typing import Any

from ..flowhost.environment import package_folder
from ..flowhost.package import unpack
from ..manifest import Package


def make(state: Any, cache: str) -> Package:
    """Package the flow's folder as `run` does and save it under its digest."""
    from metaflow.package import MetaflowPackage

    package = MetaflowPackage(
        state.flow, state.environment, state.echo, suffixes=state.package_suffixes, flow_datastore=None
    )
    blob = package.blob
    url, sha = state.flow_datastore.save_data([blob], len_hint=1)[0]
    made = Package(sha=sha, url=url, metadata=package.package_metadata)
    unpack(made, blob, package_folder(cache, made))
    return made
