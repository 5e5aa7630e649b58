"""Environment and search path that a flow's code sees: that of its code package, at the end of the interpreter's own."""

from __future__ import annotations

import os
import sys

from ..manifest import Launch, Package

_CODE_FOLDER = ".mf_code"


def package_folder(cache: str, package: Package) -> str:
    """Where a code package is unpacked on this machine."""
    return os.path.join(cache, "packages", package.sha)


def variables(launch: Launch, folder: str) -> dict[str, str]:
    """What Metaflow's own orchestrators set for a task (facts of ``argo_workflows.py``), with the code in ``folder``."""
    return {
        **launch.env,
        "METAFLOW_EXTRACTED_ROOT": folder,
        "METAFLOW_CODE_METADATA": launch.package.metadata,
        "METAFLOW_CODE_SHA": launch.package.sha,
        "METAFLOW_CODE_URL": launch.package.url,
        "METAFLOW_CODE_DS": launch.datastore,
        "PYTHONUNBUFFERED": "x",
    }


def search_package() -> None:
    """Let modules that the package carries beside the flow's folder be found, after the interpreter's own."""
    root = os.environ.get("METAFLOW_EXTRACTED_ROOT")
    if root:
        folder = os.path.join(root, _CODE_FOLDER)
        # Before the bundle, which boot.py has put last.
        sys.path.insert(len(sys.path) - 1, folder)
