"""What the commands of profiles return, and the text of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..console.text import columns
from ..profiles import KEYS
from .doctor_results import Check

#: Defaults of keys, by their kind, that have none of their own.
_DEFAULTS = {"switch": "false", "list": "none", "words": "none", "duration": "none"}


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A profile of the configuration file."""

    name: str
    current: bool
    """Whether its settings are in force."""
    default: bool
    address: str | None
    """The Temporal server as HOST:PORT."""
    problem: str | None
    """What is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a setting comes from."""

    kind: Literal["flag", "variable", "profile", "temporal", "default"]
    name: str | None
    """The flag, the variable or the profile."""
    place: str | None
    """File and line."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting in force."""

    key: str
    value: Any
    """null where nothing sets the key, and of what is secret."""
    set: bool
    source: Source
    problem: str | None
    """Why it is not set though it is named."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings in force."""

    profile: str | None
    file: str
    """The configuration file."""
    settings: tuple[Setting, ...]


@dataclass(frozen=True, kw_only=True)
class Changed:
    """The profile that was changed."""

    profile: str
    file: str
    """The configuration file."""


@dataclass(frozen=True, kw_only=True)
class ConfigurationFile:
    """The configuration file."""

    file: str
    exists: bool


@dataclass(frozen=True, kw_only=True)
class Checks:
    """All checks of a profile."""

    profile: str | None
    ok: bool
    checks: tuple[Check, ...]


def table(found: Sequence[Profile]) -> str:
    """A line for each profile."""
    return columns(
        [("*" if row.current else " ", row.name, row.address or "", row.problem or "") for row in found]
    )


def settings_table(found: Settings) -> str:
    """A line for each setting: key, value and source."""
    head = ("profile", found.profile or "none", found.file)
    return columns([head, *((row.key, _value(row), _source(row.source)) for row in found.settings)])


def _value(row: Setting) -> str:
    value = row.value
    if value is None:
        return row.problem or ("(set)" if row.set else _default(row.key))
    if isinstance(value, (list, tuple)):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _default(name: str) -> str:
    key = KEYS.get(name)
    return "" if key is None else key.default or _DEFAULTS.get(key.kind, "")


def _source(source: Source) -> str:
    name = source.name or source.kind
    text = {"profile": f"profile {name}", "temporal": f"Temporal's profile {name}"}.get(source.kind, name)
    return f"{text} ({source.place})" if source.place else text
