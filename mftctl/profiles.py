"""Settings of a command: flags > MFTCTL_* > TEMPORAL_* > profile file > defaults (docs/profiles.md)."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from .errors import Exit, MftctlError

APP = "mftctl"
#: Keys of a profile and the type each must have.
KEYS: dict[str, type] = {
    "address": str,
    "temporal_profile": str,
    "temporal_namespace": str,
    "api_key_env": str,
    "production": bool,
    "branch": str,
    "namespace": str,
    "tags": list,
    "workflow_timeout": str,
    "max_workers": int,
    "priority": int,
    "datastore": str,
    "datastore_root": str,
    "metadata": str,
    "environment": str,
    "python": str,
    "isolation": str,
    "concurrency": int,
    "notify_url": list,
    "notify_key_env": str,
}


@dataclass(frozen=True)
class Profile:
    """A named set of settings from the configuration file; ``name`` None when none is chosen."""

    name: str | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def get(self, key: str, flag: Any = None) -> Any:
        """The value in force for ``key``: the flag, else MFTCTL_<KEY>, else the profile's, else None."""
        if flag is not None:
            return flag
        variable = os.environ.get(f"MFTCTL_{key.upper()}")
        if variable:
            return int(variable) if KEYS[key] is int else variable
        return self.values.get(key)


def config_file() -> Path:
    """The configuration file: $MFTCTL_CONFIG, or config.toml in the user's configuration folder."""
    named = os.environ.get("MFTCTL_CONFIG")
    return Path(named) if named else Path(platformdirs.user_config_dir(APP)) / "config.toml"


def cache_dir() -> Path:
    """Where code packages are unpacked: $MFTCTL_CACHE or the user's cache folder."""
    named = os.environ.get("MFTCTL_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir(APP))


def data_dir() -> Path:
    """Where the embedded server keeps its history: $MFTCTL_DATA or the user's data folder."""
    named = os.environ.get("MFTCTL_DATA")
    return Path(named) if named else Path(platformdirs.user_data_dir(APP))


def load(name: str | None = None) -> Profile:
    """The profile of that name, else $MFTCTL_PROFILE, else the file's ``default_profile``, else an empty one."""
    file = config_file()
    chosen = name or os.environ.get("MFTCTL_PROFILE")
    content = _read(file)
    chosen = chosen or content.get("default_profile")
    if chosen is None:
        return Profile()
    profiles = content.get("profiles", {})
    if chosen not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise MftctlError(
            f"there is no profile '{chosen}' in {file}",
            exit=Exit.USAGE,
            code="profile.unknown",
            hint=f"known: {known}",
        )
    values = profiles[chosen]
    for key, value in values.items():
        wanted = KEYS.get(key)
        if wanted is None:
            message = f"{file}: profile '{chosen}' has an unknown key '{key}'"
            raise MftctlError(message, exit=Exit.USAGE, code="profile.key")
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise MftctlError(
                f"{file}: profile '{chosen}': {key} must be of type {wanted.__name__}",
                exit=Exit.USAGE,
                code="profile.type",
            )
    return Profile(chosen, values)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise MftctlError(f"{file}: {error}", exit=Exit.USAGE, code="profile.file") from error
