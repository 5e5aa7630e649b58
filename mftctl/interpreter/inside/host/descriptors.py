"""What a flow's import has opened and left open: forked tasks would share its position, its locks and what is in it."""

from __future__ import annotations

import _io
import gc
import os
import stat
import sys

#: Devices that give or take the same whoever has them open.
_SHARED = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_STANDARD = frozenset({0, 1, 2})


class Descriptors:
    """The descriptors that the process has when this is made, but for the standard ones."""

    def __init__(self) -> None:
        self._had = _open()

    def more(self) -> list[str]:
        """What those are that came since and that tasks must not share, in words; sorted."""
        found = set()
        for fd, about in _open().items():
            had = self._had.get(fd)
            if had is None or not os.path.samestat(had, about):
                found.add(_what(fd, about))
        return sorted(found - {""})


def _open() -> dict[int, os.stat_result]:
    found = {}
    for name in os.listdir("/dev/fd"):
        try:
            found[int(name)] = os.fstat(int(name))
        except OSError:  # the descriptor of the listing itself
            continue
    return {fd: about for fd, about in found.items() if fd not in _STANDARD}


def _what(fd: int, about: os.stat_result) -> str:
    """What it is, in words; empty for what may be shared."""
    mode = about.st_mode
    if stat.S_ISSOCK(mode):
        return "an open socket"
    if stat.S_ISFIFO(mode):
        return "an open pipe"
    if stat.S_ISDIR(mode) or (stat.S_ISCHR(mode) and about.st_rdev in _devices()):
        return ""
    if stat.S_ISREG(mode) and about.st_nlink and (about.st_dev, about.st_ino) in _mapped() and not _read(fd):
        return ""  # `mmap` keeps the descriptor of its file, and has no position in it
    name = os.path.basename(_path(fd)) if about.st_nlink else ""
    return f"an open file ({name})" if name else "an open file"


def _devices() -> set[int]:
    return {os.stat(path).st_rdev for path in _SHARED if os.path.exists(path)}


def _path(fd: int) -> str:
    """Where the file is; empty where that is not known."""
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:  # no such folder on macOS
        return ""


def _mapped() -> set[tuple[int, int]]:
    """Device and inode of the files that are mapped into memory; empty where the system has no list."""
    found = set()
    if sys.platform == "linux":
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                _, _, _, device, inode, *_ = line.split(None, 5)
                major, _, minor = device.partition(":")
                found.add((os.makedev(int(major, 16), int(minor, 16)), int(inode)))
    return found


def _read(fd: int) -> bool:
    """Whether a file object of Python has this descriptor."""
    files = [one for one in gc.get_objects() if issubclass(type(one), _io.FileIO)]
    return any(not file.closed and file.fileno() == fd for file in files)
