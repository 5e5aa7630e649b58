"""Unpack the bundle, once for each build and cache folder."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

# shiv's: under a lock, into a folder beside, renamed into place when whole.
from _bootstrap import extract_site_packages
from _bootstrap.filelock import FileLock
from mftctl_bundle import NAME, is_safe, roots, say, temporary_root


def unpack() -> str:
    """Unpack it to the first folder that can be used, and give its path; where there is none, say so and exit 1."""
    # Others may read what a user unpacks for all, and nobody else may write it, whatever this user's umask is.
    before = os.umask(0o022)
    try:
        return _unpack_somewhere()
    finally:
        os.umask(before)


def _unpack_somewhere() -> str:
    failures = []
    for root in roots():
        bundle = os.path.join(root, NAME)
        try:
            os.makedirs(root, mode=0o700 if root == temporary_root() else 0o777, exist_ok=True)
            if not is_safe(root):
                failures.append(f"{root} may be written by others")
                continue
            if not os.access(root, os.W_OK | os.X_OK):
                failures.append(f"{root} is not writable")
                continue
            _try(_lock(root))
            say(f"first start: unpacking to {bundle}")
            _extract(bundle)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                # What was unpacked so far would keep the disk full.
                with FileLock(_lock(root)):
                    shutil.rmtree(f"{bundle}.tmp", ignore_errors=True)
            failures.append(f"{error.filename or root}: {error.strerror or error}")
        else:
            return bundle
    say(f"nowhere to unpack to ({'; '.join(failures)}): set SHIV_ROOT to a folder that can be written")
    sys.exit(1)


def _lock(root: str) -> str:
    """The file that shiv locks."""
    return os.path.join(root, f".{NAME}_lock")


def _try(lock: str) -> None:
    """Raise OSError where the file system has no locks: shiv would wait for its own for ever."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


def _extract(bundle: str) -> None:
    with (
        zipfile.ZipFile(sys.path[0]) as whole,
        whole.open("site-packages.zip") as packages,
        zipfile.ZipFile(packages) as archive,
    ):
        extract_site_packages(archive, Path(bundle))
    # Now, and not by the first import, whose umask may let others write to them.
    for folder, _, files in os.walk(bundle):
        if any(name.endswith(".py") for name in files):
            with suppress(OSError):  # a full disk: it works without
                os.mkdir(os.path.join(folder, "__pycache__"))
