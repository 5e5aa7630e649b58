"""The flow's code package in this machine's cache: unpacked once per digest, whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import shutil
import tempfile

from ...model.codec import from_json, to_json
from ...model.manifest import Launch, Package

#: In an unpacked package: size and time of change of each of its files, which tell whether it is still whole.
_LISTING = ".mf_listing"
_HELD: list[int] = []


def fetch(launch: Launch, folder: str) -> None:
    """Bring the package from the datastore to ``folder``."""
    from .attempt.results import flow_datastore

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
    # Between the two it may have been cleaned away.
    if _is_same(folder, descriptor):
        # The lock is the descriptor's, which stays open as long as the process.
        _HELD.append(descriptor)
        return True
    os.close(descriptor)
    return False


def note_files(folder: str) -> None:
    """Note how the files of an unpacked package are, for `is_whole`."""
    names = [
        os.path.join(place, name) for place, _, files in os.walk(folder) for name in files if name != _LISTING
    ]
    listing = {os.path.relpath(name, folder): _stamp(name) for name in names}
    with open(os.path.join(folder, _LISTING), "w", encoding="utf-8") as file:
        file.write(to_json(listing))


def is_whole(folder: str) -> bool:
    """Whether an unpacked package is there, with all its files as they were unpacked."""
    try:
        with open(os.path.join(folder, _LISTING), encoding="utf-8") as file:
            listing = from_json(file.read())
        return all(_stamp(os.path.join(folder, name)) == stamp for name, stamp in listing.items())
    except (OSError, ValueError):
        return False


def unpack(package: Package, blob: bytes, folder: str) -> None:
    """Unpack into ``folder``, which appears whole or not at all; whoever comes second leaves it as it is.

    A folder that has lost files since, or holds others than were unpacked, gives way to a new one.
    """
    from metaflow.package import MetaflowPackage

    if is_whole(folder):
        return
    parent = os.path.dirname(folder)
    os.makedirs(parent, exist_ok=True)
    made = tempfile.mkdtemp(prefix=".unpacking-", dir=parent)
    try:
        backend = MetaflowPackage.get_backend(package.metadata)
        with backend.cls_open(io.BytesIO(blob)) as archive:
            backend.cls_extract_members(archive, dest_dir=made)
        note_files(made)
        _set_aside(folder)
        os.rename(made, folder)
    except OSError:
        if not is_whole(folder):
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _set_aside(folder: str) -> None:
    """Make room for a package that is whole; what is removed here, nobody can run from."""
    if is_whole(folder) or not os.path.isdir(folder):
        return
    broken = tempfile.mkdtemp(prefix=".unpacking-", dir=os.path.dirname(folder))
    with contextlib.suppress(FileNotFoundError):  # somebody else has just done it
        os.rename(folder, os.path.join(broken, "package"))
    shutil.rmtree(broken, ignore_errors=True)


def _is_same(folder: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(folder), os.fstat(descriptor))
    except OSError:
        return False


def _stamp(path: str) -> list[int]:
    found = os.lstat(path)
    return [found.st_size, found.st_mtime_ns]
