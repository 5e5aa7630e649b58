"""Where mftctl keeps things on this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Literal

import platformdirs

from ..model.errors import MftctlError

APP = "mftctl"
#: A folder that nobody can have or make.
NOWHERE = "/dev/null/mftctl"

Kind = Literal["cache", "data", "config", "log"]


def config_file() -> Path:
    """The configuration file: $MFTCTL_CONFIG, or config.toml in the user's configuration folder."""
    if named := os.environ.get("MFTCTL_CONFIG"):
        return Path(named)
    return Path(user_folder("config")) / "config.toml"


def cache_dir() -> Path:
    """Where code packages are unpacked: $MFTCTL_CACHE or the user's cache folder, else a temporary one."""
    named = os.environ.get("MFTCTL_CACHE")
    return Path(named) if named else _usable(user_folder("cache"), "cache")


def data_dir() -> Path:
    """Where the embedded server keeps its history: $MFTCTL_DATA or the user's data folder, else a temporary one."""
    named = os.environ.get("MFTCTL_DATA")
    return Path(named) if named else _usable(user_folder("data"), "data")


def bundle_roots() -> list[Path]:
    """Where the zipapp may have unpacked itself (packaging/start/mftctl_bundle.py looks in the same places)."""
    named = os.environ.get("SHIV_ROOT")
    if named:
        return [Path(os.path.abspath(os.path.expanduser(named)))]
    return [Path(user_folder("cache")) / "bundles", _temporary_root()]


def user_folder(kind: Kind) -> str:
    """The user's own folder of that kind; for a user without a home one that is nowhere."""
    try:
        folder: str = getattr(platformdirs, f"user_{kind}_dir")(APP)
    except RuntimeError:
        folder = "~"
    # Where `~` stays as it is, it does not mean a folder of this name in the current one.
    return folder if os.path.isabs(folder) else NOWHERE


def on_fallback(tell: Callable[[str], None]) -> None:
    """Have it told, once, that a temporary folder takes the place of the user's."""
    global _tell  # noqa: PLW0603 - a process has one voice
    _tell = tell


@lru_cache
def _usable(folder: str, kind: str) -> Path:
    """The folder, made if need be, or a temporary one that stays the same for this user."""
    path = Path(folder)
    if _is_writable(path):
        return path
    root = _temporary_root()
    try:
        _own(root)
        (root / kind).mkdir(exist_ok=True)
    except OSError as error:
        raise MftctlError(
            f"no folder of yours can be written, neither {folder} nor {root}: {error.strerror}",
            code="disk",
            hint="set MFTCTL_CACHE and MFTCTL_DATA to folders that can be written",
        ) from error
    _tell_once(folder, root)
    return root / kind


def _is_writable(path: Path) -> bool:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path, os.W_OK | os.X_OK)


def _temporary_root() -> Path:
    import tempfile

    try:
        return Path(tempfile.gettempdir()) / f"{APP}-{os.geteuid()}"
    except FileNotFoundError:
        return Path("/tmp") / f"{APP}-{os.geteuid()}"  # noqa: S108 - for the error that follows


def _own(root: Path) -> None:
    """Make the folder; OSError where it is somebody else's, who could put code there."""
    root.mkdir(mode=0o700, exist_ok=True)
    status = os.lstat(root)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise OSError(0, "others can write it")


def _nobody(message: str) -> None:
    """Before anybody listens."""


_tell: Callable[[str], None] = _nobody


def _tell_once(folder: str, root: Path) -> None:
    global _told  # noqa: PLW0603 - once a process
    if not _told:
        _told = True
        what = "there is no home folder" if folder == NOWHERE else f"{folder} cannot be written"
        _tell(f"{what}: using {root} instead, which this machine may clean")


_told = False
