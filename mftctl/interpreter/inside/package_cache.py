"""Code packages in this machine's cache: where they are, whether they are whole, and a lock that keeps them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from typing import Optional

from ...model.codec import from_json, to_json
from ...model.manifest import Launch, Package

#: In an unpacked package: size and time of change of each of its files.
_LISTING = ".mf_listing"
_LOCKS: list[int] = []


def package_folder(cache: str, package: Package) -> str:
    """The folder that a code package is unpacked in."""
    return os.path.join(cache, "packages", package.sha)


def work_folder(folder: str, launch: Launch) -> str:
    """The working folder of a deployment's tasks, with links to the files of its package in ``folder``; made if needed.

    Tasks read files beside their code there, and do not change the package. Metaflow keeps local cards in the
    `.metaflow` of the working folder, wherever the datastore is, so that is a link to the datastore.
    """
    place = hashlib.sha256(launch.datastore_root.encode()).hexdigest()[:12]
    made = os.path.join(os.path.dirname(os.path.dirname(folder)), "work", f"{launch.package.sha}-{place}")
    os.makedirs(made, exist_ok=True)
    links = {name: os.path.join(folder, name) for name in os.listdir(folder) if not name.startswith(".mf_")}
    if launch.datastore == "local":
        links[".metaflow"] = launch.datastore_root
    for name, target in links.items():
        with contextlib.suppress(FileExistsError):
            os.symlink(target, os.path.join(made, name))
    return made


def hold(folder: str) -> bool:
    """Keep an unpacked package from being cleaned while this process and its forks live; False when it is not there.

    Where the file system has no locks on folders, packages are never cleaned (``local/caches.py``).
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    # It may have been cleaned between the two calls.
    if _is_same(folder, descriptor):
        # The lock is the descriptor's, which stays open.
        _LOCKS.append(descriptor)
        return True
    os.close(descriptor)
    return False


def note_files(folder: str) -> set[str]:
    """Write down the state of an unpacked package's files, for ``whole_files``; their names."""
    names = [
        os.path.join(place, name) for place, _, files in os.walk(folder) for name in files if name != _LISTING
    ]
    listing = {os.path.relpath(name, folder): _state(name) for name in names}
    with open(os.path.join(folder, _LISTING), "w", encoding="utf-8") as file:
        file.write(to_json(listing))
    return set(listing)


def is_whole(folder: str) -> bool:
    """Whether an unpacked package is there, and all its files are as they were unpacked."""
    return whole_files(folder) is not None


def whole_files(folder: str) -> Optional[set[str]]:
    """The files of an unpacked package, relative to its folder; None unless it is whole."""
    try:
        with open(os.path.join(folder, _LISTING), encoding="utf-8") as file:
            listing = from_json(file.read())
        whole = all(_state(os.path.join(folder, name)) == state for name, state in listing.items())
        return set(listing) if whole else None
    except (OSError, ValueError):
        return None


def _is_same(folder: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(folder), os.fstat(descriptor))
    except OSError:
        return False


def _state(path: str) -> list[int]:
    found = os.lstat(path)
    return [found.st_size, found.st_mtime_ns]
