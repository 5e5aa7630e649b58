"""Finds files and sockets that a flow's import leaves open: forked tasks would share their position, locks and data."""

from __future__ import annotations

import _io
import gc
import os
import stat
import sys

#: Devices that processes can share.
_SHARED = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_STANDARD = frozenset({0, 1, 2})


class Descriptors:
    """The open descriptors of the process when this is created, without the standard ones."""

    def __init__(self) -> None:
        self._had = _open()

    def problems(self) -> list[str]:
        """Descriptors opened since then that tasks must not share, in words; sorted."""
        found = set()
        for fd, about in _open().items():
            had = self._had.get(fd)
            if had is None or not os.path.samestat(had, about):
                found.add(_description(fd, about))
        return sorted(found - {""})


def _open() -> dict[int, os.stat_result]:
    found = {}
    for name in os.listdir("/dev/fd"):
        try:
            found[int(name)] = os.fstat(int(name))
        except OSError:  # the descriptor of the listing itself
            continue
    return {fd: about for fd, about in found.items() if fd not in _STANDARD}


def _description(fd: int, about: os.stat_result) -> str:
    """The open file in words; empty for one that may be shared."""
    mode = about.st_mode
    if stat.S_ISSOCK(mode):
        return "an open socket"
    if stat.S_ISFIFO(mode):
        return "an open pipe"
    devices = {os.stat(path).st_rdev for path in _SHARED if os.path.exists(path)}
    if stat.S_ISDIR(mode) or (stat.S_ISCHR(mode) and about.st_rdev in devices):
        return ""
    mapped = stat.S_ISREG(mode) and about.st_nlink and (about.st_dev, about.st_ino) in _mapped()
    if mapped and not _has_file_object(fd):
        return ""  # `mmap` keeps the descriptor of its file, without a position
    name = os.path.basename(_path(fd)) if about.st_nlink else ""
    return f"an open file ({name})" if name else "an open file"


def _path(fd: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:  # no such folder on macOS
        return ""


def _mapped() -> set[tuple[int, int]]:
    """Device and inode of the files that are mapped into memory; empty on systems without a list."""
    found = set()
    if sys.platform == "linux":
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                _, _, _, device, inode, *_ = line.split(None, 5)
                major, _, minor = device.partition(":")
                found.add((os.makedev(int(major, 16), int(minor, 16)), int(inode)))
    return found


def _has_file_object(fd: int) -> bool:
    files = [one for one in gc.get_objects() if issubclass(type(one), _io.FileIO)]
    return any(not file.closed and file.fileno() == fd for file in files)
