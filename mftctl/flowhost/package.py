"""The flow's code package in this machine's cache: unpacked once per digest, whole or not at all."""

from __future__ import annotations

import io
import os
import shutil
import tempfile

from ..manifest import Launch, Package


def fetch(launch: Launch, folder: str) -> None:
    """Bring the package from the datastore to ``folder``."""
    from .results import flow_datastore

    datastore = flow_datastore(launch)
    for _, blob in datastore.load_data([launch.package.sha]):
        unpack(launch.package, blob, folder)


def unpack(package: Package, blob: bytes, folder: str) -> None:
    """Unpack into ``folder``, which appears whole or not at all; whoever comes second leaves it as it is."""
    from metaflow.package import MetaflowPackage

    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    os.makedirs(parent, exist_ok=True)
    made = tempfile.mkdtemp(prefix=".unpacking-", dir=parent)
    try:
        backend = MetaflowPackage.get_backend(package.metadata)
        with backend.cls_open(io.BytesIO(blob)) as archive:
            backend.cls_extract_members(archive, dest_dir=made)
        os.rename(made, folder)
    except OSError:
        if not os.path.isdir(folder):
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
