"""What `mftctl doctor` returns, and the text of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..console.text import columns, format_size
from ..local.caches import Cache, Cleaned


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check of something that a profile names."""

    check: str
    ok: bool | None
    """null where it could not be made."""
    message: str
    hint: str | None
    """How to fix it."""
    code: str | None
    """The kind of error, as errors have it."""


@dataclass(frozen=True, kw_only=True)
class ProfileName:
    """The profile in force."""

    name: str | None
    file: str
    """The configuration file."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """The Temporal server."""

    where: str | None
    """Its address; null where none is configured and the embedded one is not running."""
    configured: bool
    binary: str | None
    """The `temporal` command of the embedded server; null where it would be downloaded."""


@dataclass(frozen=True, kw_only=True)
class HeldRun:
    """An open run that does not go on."""

    run_id: str
    reason: Literal["stuck", "no_worker", "retrying"]
    message: str
    hint: str | None


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """This installation."""

    versions: dict[str, str]
    profile: ProfileName
    server: Server
    checks: tuple[Check, ...]
    held_runs: tuple[HeldRun, ...] | None
    """Those of the newest open runs that do not go on; null where no server could be asked."""
    caches: tuple[Cache, ...]
    cleaned: Cleaned | None
    """What --clean has removed."""


def page(found: Diagnosis) -> str:
    """An installation for people."""
    profile, server = found.profile, found.server
    nowhere = "not configured and not running; `mftctl run` and `mftctl dev` start one"
    head = [
        *found.versions.items(),
        ("profile", f"{profile.name or 'none'} ({profile.file})"),
        ("server", server.where or nowhere),
        ("embedded server", server.binary or "its `temporal` command would be downloaded"),
    ]
    parts = [
        columns(head),
        checks_table(found.checks),
        _held(found.held_runs or ()),
        columns([_row(cache) for cache in found.caches]),
    ]
    if found.cleaned is not None:
        parts.append(f"cleaned\t{len(found.cleaned.removed)} folders, {format_size(found.cleaned.bytes)}")
    return "\n\n".join(filter(None, parts))


def checks_table(found: Sequence[Check]) -> str:
    """A line for each check, and below it how to fix what is wrong."""
    marks = {True: "ok", False: "FAILED", None: "-"}
    rows = []
    for one in found:
        rows.append((one.check, marks[one.ok], one.message))
        if one.hint:
            rows.append(("", "", f"hint: {one.hint}"))
    return columns(rows)


def _held(found: Sequence[HeldRun]) -> str:
    """A line for each run that does not go on, and below it what to do."""
    rows = []
    for one in found:
        rows.append((one.run_id, one.message))
        if one.hint:
            rows.append(("", f"hint: {one.hint}"))
    return f"runs that do not go on:\n{columns(rows)}" if rows else ""


def _row(cache: Cache) -> tuple[str, ...]:
    used = f"{cache.in_use} in use" if cache.cleanable else "kept"
    return cache.name, f"{cache.entries}", format_size(cache.bytes), used, cache.path
