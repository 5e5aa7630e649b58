"""The folders of mftctl on this machine: configuration, cache and data."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Literal

import platformdirs

from ..model.errors import MftctlError

APP = "mftctl"
#: A folder that cannot exist, for a user without a home.
NOWHERE = "/dev/null/mftctl"

Kind = Literal["cache", "data", "config", "log"]


def config_file() -> Path:
    """The configuration file: $MFTCTL_CONFIG, or config.toml in the user's configuration folder."""
    if named := os.environ.get("MFTCTL_CONFIG"):
        return Path(named)
    return Path(user_folder("config")) / "config.toml"


def cache_dir() -> Path:
    """The folder of unpacked code packages: $MFTCTL_CACHE or the user's cache folder, else a temporary one."""
    named = os.environ.get("MFTCTL_CACHE")
    return Path(os.path.abspath(named)) if named else _usable(user_folder("cache"), "cache")


def data_dir() -> Path:
    """The folder of the embedded server: $MFTCTL_DATA or the user's data folder, else a temporary one."""
    named = os.environ.get("MFTCTL_DATA")
    return Path(os.path.abspath(named)) if named else _usable(user_folder("data"), "data")


def bundle_roots() -> list[Path]:
    """The folders in which the zipapp may have unpacked itself (the same as in packaging/start/mftctl_bundle.py)."""
    named = os.environ.get("SHIV_ROOT")
    if named:
        return [Path(os.path.abspath(os.path.expanduser(named)))]
    return [Path(user_folder("cache")) / "bundles", _temporary_root()]


def user_folder(kind: Kind) -> str:
    """The user's folder of that kind; a folder that cannot exist for a user without a home."""
    try:
        folder: str = getattr(platformdirs, f"user_{kind}_dir")(APP)
    except RuntimeError:
        folder = "~"
    # `~` that is not expanded must not become a folder of that name in the current folder.
    return folder if os.path.isabs(folder) else NOWHERE


def on_temporary_folder(report: Callable[[str], None]) -> None:
    """Set the function that reports, once, that a temporary folder replaces the user's folder."""
    global _report  # noqa: PLW0603 - one for the process
    _report = report


@lru_cache
def _usable(folder: str, kind: str) -> Path:
    """The folder, created if need be; a temporary folder, always the same for this user, if it cannot be written."""
    path = Path(folder)
    with suppress(OSError):
        path.mkdir(parents=True, exist_ok=True)
        if os.access(path, os.W_OK | os.X_OK):
            return path
    root = _temporary_root()
    try:
        _own(root)
        (root / kind).mkdir(exist_ok=True)
    except OSError as error:
        raise MftctlError(
            f"neither {folder} nor {root} can be written: {error.strerror}",
            code="disk",
            hint="set MFTCTL_CACHE and MFTCTL_DATA to folders that can be written",
        ) from error
    _report_once(folder, root)
    return root / kind


def _temporary_root() -> Path:
    import tempfile

    try:
        return Path(tempfile.gettempdir()) / f"{APP}-{os.geteuid()}"
    except FileNotFoundError:
        return Path("/tmp") / f"{APP}-{os.geteuid()}"  # noqa: S108 - for the error that follows


def _own(root: Path) -> None:
    """Create the folder; OSError if it belongs to another user, who could put code there."""
    root.mkdir(mode=0o700, exist_ok=True)
    status = os.lstat(root)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise OSError(0, "other users can write to it")


def _ignore(message: str) -> None:
    """The function before another one is set."""


_report: Callable[[str], None] = _ignore


def _report_once(folder: str, root: Path) -> None:
    global _reported  # noqa: PLW0603 - once in a process
    if not _reported:
        _reported = True
        reason = "there is no home folder" if folder == NOWHERE else f"{folder} cannot be written"
        _report(f"{reason}: using the temporary folder {root} instead")


_reported = False
