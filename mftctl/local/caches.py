"""Caches on this machine: their sizes, and removal of what no process uses.

A process that uses a bundle or a code package holds a shared lock on its folder (``inside.package_cache.hold``,
``mftctl_bundle._hold``); cleaning needs an exclusive one. A lock ends with its process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..profiles import bundle_roots, cache_dir, data_dir, user_folder

#: Seconds after which an unfinished unpacking is abandoned.
ABANDONED = 24 * 3600.0
_UNPACKING, _UNPACKED, _REMOVING = ".unpacking-", ".tmp", ".removing-"


@dataclass(frozen=True)
class Cache:
    """A cache: its number of ``entries``, how many of them are ``in_use``, and its size.

    ``cleanable``: ``clean`` removes entries that are not in use; they can be made or fetched again.
    """

    name: str
    path: str
    entries: int
    bytes: int
    in_use: int
    cleanable: bool


@dataclass(frozen=True)
class Cleaned:
    """The folders that were removed, and their size."""

    removed: tuple[str, ...]
    bytes: int


def list_caches() -> list[Cache]:
    """All caches that have entries."""
    found = [_cache("bundles of the zipapp", root, _bundles(root)) for root in bundle_roots()]
    # Working folders of tasks link to a package's files, and are removed with it.
    found.append(
        _cache("code packages", cache_dir() / "packages", _packages(), _folders(cache_dir() / "work"))
    )
    for name, path in (
        ("embedded server", data_dir()),
        ("reports of errors", Path(user_folder("log"))),
    ):
        files = list(path.glob("*")) if path.is_dir() else []
        found.append(Cache(name, str(path), len(files), sum(map(_size, files)), 0, cleanable=False))
    return [cache for cache in found if cache.entries]


def clean() -> Cleaned:
    """Remove unused code packages with their working folders, and unused bundles except the last used one.

    It is safe while workers run: they keep what they have loaded, and fetch packages again from the datastore.
    """
    removed: list[str] = []
    total = 0
    for root in bundle_roots():
        for bundle in sorted(_bundles(root), key=_last_used)[:-1]:
            total += _remove(bundle, removed)
    for package in _packages():
        total += _remove(package, removed, (cache_dir() / "work").glob(f"{package.name}-*"))
    there = {package.name for package in _packages()}
    for folder in _folders(cache_dir() / "work"):
        if folder.name.rpartition("-")[0] not in there:
            total += _remove(folder, removed)
    for root in (*bundle_roots(), cache_dir() / "packages", cache_dir() / "work"):
        for left in _left_behind(root):
            total += _remove(left, removed)
    return Cleaned(tuple(removed), total)


def _cache(name: str, path: Path, folders: list[Path], more: Iterable[Path] = ()) -> Cache:
    used = sum(not _is_free(folder) for folder in folders)
    return Cache(name, str(path), len(folders), sum(map(_size, (*folders, *more))), used, cleanable=True)


def _bundles(root: Path) -> list[Path]:
    return [folder for folder in _folders(root) if (folder / "site-packages").is_dir()]


def _packages() -> list[Path]:
    return _folders(cache_dir() / "packages")


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [
        one
        for one in root.iterdir()
        if one.is_dir() and not one.name.startswith(".") and one.suffix != _UNPACKED
    ]


def _left_behind(root: Path) -> Iterator[Path]:
    """Folders that a process had not finished making or removing when it ended."""
    for folder in root.iterdir() if root.is_dir() else ():
        making = folder.name.startswith(_UNPACKING) or folder.suffix == _UNPACKED
        if folder.name.startswith(_REMOVING) or (making and time.time() - _last_used(folder) > ABANDONED):
            yield folder


def _remove(folder: Path, removed: list[str], more: Iterable[Path] = ()) -> int:
    """Remove a folder, and ``more`` that is only used with it, unless it is in use; the bytes that were freed."""
    with _exclusive_lock(folder) as alone:
        if not alone:
            return 0
        moved = [place for one in (folder, *more) if (place := _moved(one)) is not None]
    freed = 0
    for place in moved:
        freed += _size(place)
        shutil.rmtree(place, ignore_errors=True)
    if moved:
        removed.append(str(folder))
    return freed


def _moved(folder: Path) -> Path | None:
    """Rename a folder before its removal, so that no process sees half of it."""
    if folder.name.startswith(_REMOVING):
        return folder
    place = folder.with_name(f"{_REMOVING}{os.getpid()}-{folder.name}")
    try:
        folder.rename(place)
    except OSError:
        return None
    return place


def _is_free(folder: Path) -> bool:
    with _exclusive_lock(folder) as alone:
        return alone


@contextmanager
def _exclusive_lock(folder: Path) -> Iterator[bool]:
    """Whether the folder is unused; within the context no process can start to use it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # in use, or a file system without locks
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def _last_used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links do not count."""
    if path.is_symlink() or not path.is_dir():
        with suppress(OSError):
            return path.lstat().st_size
        return 0
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            with suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total
