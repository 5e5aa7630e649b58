"""Changes the configuration file atomically, and keeps its comments and its order."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tomlkit

from ..model.errors import MftctlError, UsageError
from . import document
from .keys import suggest
from .settings import unknown_profile


def set_keys(file: Path, name: str, values: Mapping[str, Any]) -> bool:
    """Set keys of a profile, and create it if need be; return whether it is new."""
    with _edited(file) as content:
        profiles = _profiles(content)
        new = name not in profiles
        if new:
            profiles[name] = tomlkit.table()
        profiles[name].update(values)
    return new


def unset_keys(file: Path, name: str, keys: Iterable[str]) -> None:
    """Remove keys of a profile; MftctlError with exit code 2 if it does not have one of them."""
    with _edited(file) as content:
        profile = _profile(file, content, name)
        for key in keys:
            if key not in profile:
                raise UsageError(
                    f"profile '{name}' has no key '{key}'", code="profile.key", hint=suggest(key, profile)
                )
            del profile[key]


def remove_profile(file: Path, name: str) -> bool:
    """Remove a profile; return whether it was the default, in which case the file has no default any more."""
    with _edited(file) as content:
        _profile(file, content, name)
        del _profiles(content)[name]
        was_default = content.get("default_profile") == name
        if was_default:
            del content["default_profile"]
    return was_default


def set_default(file: Path, name: str) -> None:
    """Make a profile the default."""
    with _edited(file) as content:
        _profile(file, content, name)
        content["default_profile"] = name


@contextmanager
def _edited(file: Path) -> Iterator[tomlkit.TOMLDocument]:
    """The content of the file, which is written at the end; a lock keeps other changes from being lost."""
    # A link stays a link; its target is changed.
    target = Path(os.path.realpath(file))
    try:
        with _locked(target.parent):
            document.read(file)  # raises the error of an invalid file, with its line
            mode = os.stat(target).st_mode & 0o777 if target.exists() else 0o600
            content = tomlkit.parse(target.read_text(encoding="utf-8") if target.exists() else "")
            yield content
            _write(target, tomlkit.dumps(content), mode)
    except OSError as error:
        raise MftctlError(
            f"{error.filename or file}: {error.strerror}",
            code="profile.write",
            hint="nothing was changed; MFTCTL_CONFIG names another file",
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _write(target: Path, text: str, mode: int) -> None:
    descriptor, made = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        os.replace(made, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(made)
        raise


def _profiles(content: tomlkit.TOMLDocument) -> Any:
    if "profiles" not in content:
        content["profiles"] = tomlkit.table(is_super_table=True)
    return content["profiles"]


def _profile(file: Path, content: tomlkit.TOMLDocument, name: str) -> Any:
    profiles = content.get("profiles", {})
    if name not in profiles:
        raise unknown_profile(file, name, profiles)
    return profiles[name]
