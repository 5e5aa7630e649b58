"""Which value of a key is in force, and where it came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..model.errors import Exit, MftctlError
from . import document
from .folders import config_file
from .keys import KEYS, near


@dataclass(frozen=True)
class Source:
    """Where a value came from: ``name`` is the flag, the variable or the profile; ``path`` leads to it in ``file``."""

    kind: Literal["flag", "variable", "profile", "temporal", "default"]
    name: str = ""
    file: Path | None = None
    path: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """File and line, or nothing."""
        if self.file is None:
            return ""
        line = document.line_of(self.file, self.path)
        return str(self.file) if line is None else f"{self.file}:{line}"

    def __str__(self) -> str:
        """For people."""
        words = {"profile": f"profile {self.name}", "temporal": f"Temporal's profile {self.name}"}
        told = words.get(self.kind) or self.name or self.kind
        return f"{told} ({self.place})" if self.file else told

    def to_plain(self) -> dict[str, str | None]:
        """JSON values."""
        return {"kind": self.kind, "name": self.name or None, "place": self.place or None}


DEFAULT = Source("default")


@dataclass(frozen=True)
class Setting:
    """A value, None when nothing sets it, and where it came from."""

    value: Any = None
    source: Source = DEFAULT


@dataclass(frozen=True)
class Profile:
    """A named set of settings from the configuration file; ``name`` None when none is chosen."""

    name: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    file: Path | None = None

    def get(self, key: str, flag: Any = None) -> Any:
        """The value in force for ``key``: the flag, else MFTCTL_<KEY>, else the profile's, else None."""
        return self.setting(key, flag).value

    def setting(self, key: str, flag: Any = None) -> Setting:
        """The same with its source; MftctlError with exit code 2 for a variable that is none of the key's values."""
        return self.given(key, flag) or self.own(key) or Setting()

    def given(self, key: str, flag: Any = None) -> Setting | None:
        """What the flag or the variable says."""
        known = KEYS[key]
        if flag is not None:
            return Setting(flag, Source("flag", known.flag))
        text = os.environ.get(known.variable)
        if not text:
            return None
        try:
            return Setting(known.parse(text), Source("variable", known.variable))
        except ValueError:
            raise MftctlError(
                f"{known.variable} must be {known.expected}", exit=Exit.USAGE, code="variable"
            ) from None

    def own(self, key: str) -> Setting | None:
        """What the profile says."""
        if key not in self.values:
            return None
        value = self.values[key]
        if KEYS[key].kind == "path" and self.file is not None:
            value = os.path.join(self.file.parent, os.path.expanduser(value))
        return Setting(
            value, Source("profile", self.name or "", self.file, ("profiles", self.name or "", key))
        )


def load(name: str | None = None) -> Profile:
    """The profile of that name, else $MFTCTL_PROFILE, else the file's ``default_profile``, else an empty one.

    MftctlError with exit code 2 names the file and the line of what is wrong in it.
    """
    file = config_file()
    content = document.read(file)
    chosen, why = chosen_name(content, name)
    if chosen is None:
        return Profile(file=file)
    profiles = content.get("profiles", {})
    if chosen not in profiles:
        raise unknown(file, chosen, profiles, why)
    document.check(file, chosen, profiles[chosen])
    return Profile(chosen, profiles[chosen], file)


def chosen_name(content: dict[str, Any], name: str | None) -> tuple[str | None, str]:
    """The name of the profile in force, and what chose it: a flag, a variable or the file."""
    if name:
        return name, ""
    variable = os.environ.get("MFTCTL_PROFILE")
    if variable:
        return variable, " (MFTCTL_PROFILE)"
    return content.get("default_profile"), " (its default_profile)"


def unknown(file: Path, name: str, profiles: Mapping[str, Any], why: str = "") -> MftctlError:
    """The error for a profile that is not there."""
    return MftctlError(
        f"there is no profile '{name}' in {file}{why}",
        exit=Exit.USAGE,
        code="profile.unknown",
        hint=near(name, profiles) or f"make it with: mftctl profile set {name} address=HOST:PORT",
    )
