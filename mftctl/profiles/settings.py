"""The value of a key in force, and its source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..model.errors import MftctlError, UsageError
from . import document
from .folders import config_file
from .keys import KEYS, suggest


@dataclass(frozen=True)
class Source:
    """The source of a value: ``name`` is the flag, the variable or the profile; ``path`` is its place in ``file``."""

    kind: Literal["flag", "variable", "profile", "temporal", "default"]
    name: str = ""
    file: Path | None = None
    path: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The file and the line; empty if there is no file."""
        if self.file is None:
            return ""
        line = document.line_of(self.file, self.path)
        return str(self.file) if line is None else f"{self.file}:{line}"

    def __str__(self) -> str:
        """The source in words."""
        words = {"profile": f"profile {self.name}", "temporal": f"Temporal's profile {self.name}"}
        text = words.get(self.kind) or self.name or self.kind
        return f"{text} ({self.place})" if self.file else text


DEFAULT = Source("default")


@dataclass(frozen=True)
class Setting:
    """A value, None if nothing sets it, and its source."""

    value: Any = None
    source: Source = DEFAULT


@dataclass(frozen=True)
class Profile:
    """A named set of settings from the configuration file; ``name`` is None if no profile is in force."""

    name: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    file: Path | None = None

    def get(self, key: str, flag: Any = None) -> Any:
        """The value in force for ``key``: the flag, else MFTCTL_<KEY>, else the profile's, else None."""
        return self.setting(key, flag).value

    def setting(self, key: str, flag: Any = None) -> Setting:
        """The value in force with its source; MftctlError with exit code 2 if the variable is invalid."""
        return self.override(key, flag) or self.own(key) or Setting()

    def override(self, key: str, flag: Any = None) -> Setting | None:
        """The value of the flag or the variable, which take precedence over the profile."""
        known = KEYS[key]
        if flag is not None:
            return Setting(flag, Source("flag", known.flag))
        text = os.environ.get(known.variable)
        if not text:
            return None
        try:
            return Setting(known.parse(text), Source("variable", known.variable))
        except ValueError:
            raise UsageError(f"{known.variable} must be {known.expected}", code="variable") from None

    def own(self, key: str) -> Setting | None:
        """The value in the profile."""
        if key not in self.values:
            return None
        value = self.values[key]
        if KEYS[key].kind == "path" and self.file is not None:
            value = os.path.join(self.file.parent, os.path.expanduser(value))
        return Setting(
            value, Source("profile", self.name or "", self.file, ("profiles", self.name or "", key))
        )


def load(name: str | None = None) -> Profile:
    """The profile of that name, else of $MFTCTL_PROFILE, else the file's ``default_profile``, else an empty one.

    MftctlError with exit code 2 names the file and the line of an error.
    """
    file = config_file()
    content = document.read(file)
    chosen, reason = chosen_name(content, name)
    if chosen is None:
        return Profile(file=file)
    profiles = content.get("profiles", {})
    if chosen not in profiles:
        raise unknown_profile(file, chosen, profiles, reason)
    document.validate(file, chosen, profiles[chosen])
    return Profile(chosen, profiles[chosen], file)


def chosen_name(content: dict[str, Any], name: str | None) -> tuple[str | None, str]:
    """The name of the profile in force, and in words what has chosen it, for an error."""
    if name:
        return name, ""
    variable = os.environ.get("MFTCTL_PROFILE")
    if variable:
        return variable, " (MFTCTL_PROFILE)"
    return content.get("default_profile"), " (its default_profile)"


def unknown_profile(file: Path, name: str, profiles: Mapping[str, Any], reason: str = "") -> MftctlError:
    """The error for a profile that does not exist."""
    return UsageError(
        f"there is no profile '{name}' in {file}{reason}",
        code="profile.unknown",
        hint=suggest(name, profiles) or f"create it with: mftctl profile set {name} address=HOST:PORT",
    )
