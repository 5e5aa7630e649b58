"""The flow's code package in this machine's cache: unpacked once per digest, whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import shutil
import tempfile

from ..manifest import Launch, Package

_HELD: list[int] = []


def fetch(launch: Launch, folder: str) -> None:
    """Bring the package from the datastore to ``folder``."""
    from .results import flow_datastore

    datastore = flow_datastore(launch)
    for _, blob in datastore.load_data([launch.package.sha]):
        unpack(launch.package, blob, folder)


def hold(folder: str) -> bool:
    """Keep an unpacked package from being cleaned away for as long as this process and its forks live.

    False when it is not there. Where the file system has no locks on folders it is never cleaned away
    (``caches.clean``).
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    held = os.fstat(descriptor)
    try:
        here = os.stat(folder)
        there = (here.st_dev, here.st_ino) == (held.st_dev, held.st_ino)
    except OSError:  # it was cleaned away a moment ago
        there = False
    if there:
        # The lock is the descriptor's, which stays open as long as the process.
        _HELD.append(descriptor)
    else:
        os.close(descriptor)
    return there


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
