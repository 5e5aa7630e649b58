"""The changes that a deploy made: the differences of two manifests of a deployment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..model.codec import to_plain
from ..model.manifest import Manifest
from ..model.urls import without_secrets

#: Fields of a manifest, and of its launch, that name the deployment or the format, or that are compared in another way.
_OTHERS = {
    *("deployment", "project", "branch", "flow", "start", "end", "schema_version", "cwd", "left_out"),
    *("launch", "package", "steps", "compensations", "parameters", "spellings", "notify"),
}
#: Names of fields in the text, where they are not their own.
_NAMES = {"token": "production token", "decorators": "with", "env": "variables"}


@dataclass(frozen=True)
class Change:
    """A difference: ``what`` changed (``code``, ``step``, ``parameter`` or an option), how (``kind``), and its name."""

    what: str
    kind: str
    name: str = ""
    before: Any = None
    after: Any = None

    @property
    def text(self) -> str:
        """The change in one line."""
        subject = f"{self.what} {self.name}" if self.name else self.what
        if self.before is None and self.after is None:
            return f"{subject} {self.kind}"
        return f"{subject} {self.kind}: {_format(self.before)} -> {_format(self.after)}"

    def to_plain(self) -> dict[str, Any]:
        """JSON values."""
        plain = {"what": self.what, "name": self.name or None, "kind": self.kind}
        plain |= {"before": self.before, "after": self.after}
        return {key: value for key, value in plain.items() if value is not None}


def changes(before: Manifest, after: Manifest) -> list[Change]:
    """The differences of two versions of a deployment, in the order in which they are shown."""
    found = []
    if before.launch.package.sha != after.launch.package.sha:
        found.append(Change("code", "changed"))
    found += _named("step", before.graph, after.graph)
    found += _named("compensation", before.handlers, after.handlers)
    found += _named(
        "parameter", {p.name: p for p in before.parameters}, {p.name: p for p in after.parameters}
    )
    was, now = _settings(before), _settings(after)
    found += [Change(name, "changed", "", was[name], now[name]) for name in was if was[name] != now[name]]
    return found


def _named(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Steps or parameters that were added, removed or changed, with the fields that differ."""
    found = [Change(what, "added", name) for name in after if name not in before]
    found += [Change(what, "removed", name) for name in before if name not in after]
    for name, new in after.items():
        for field in fields(new) if name in before else ():
            was, now = getattr(before[name], field.name), getattr(new, field.name)
            if was != now:
                kind = f"changed its {field.name.replace('_', ' ')}"
                found.append(Change(what, kind, name, to_plain(was), to_plain(now)))
    return found


def _settings(manifest: Manifest) -> dict[str, Any]:
    """The values of all other fields of the manifest and of its launch, by their names in the text."""
    values = {
        _NAMES.get(field.name, field.name.replace("_", " ")): to_plain(getattr(record, field.name))
        for record in (manifest, manifest.launch)
        for field in fields(record)
        if field.name not in _OTHERS
    }
    return {
        **values,
        "notify": [_masked(one.url) for one in manifest.notify],
        "notify key variables": [one.key_env for one in manifest.notify],
    }


def _masked(url: str) -> str:
    """A URL without its secrets, and a digest by which two can be told apart."""
    return f"{without_secrets(url)} ({hashlib.sha256(url.encode()).hexdigest()[:6]})"


def _format(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={item}" for key, item in value.items()) + "}"
    return str(value)
