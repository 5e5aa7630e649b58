"""The changes that a deploy made: the differences of two manifests of a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..model.codec import to_plain
from ..model.manifest import Manifest


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
    found += _options(_settings(before), _settings(after))
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


def _options(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    return [
        Change(name, "changed", "", before[name], after[name])
        for name in before
        if before[name] != after[name]
    ]


def _settings(manifest: Manifest) -> dict[str, Any]:
    launch = manifest.launch
    return {
        "owner": manifest.owner,
        "production token": manifest.token,
        "task queue": manifest.task_queue,
        "max workers": manifest.max_workers,
        "workflow timeout": manifest.workflow_timeout,
        "priority": manifest.priority,
        "title": manifest.title,
        "description": manifest.description,
        "success hooks": list(manifest.success_hooks),
        "error hooks": list(manifest.error_hooks),
        "notify": [one.url for one in manifest.notify],
        "notify key variables": [one.key_env for one in manifest.notify],
        "triggers": [to_plain(one) for one in manifest.triggers],
        "schedule": None if manifest.schedule is None else to_plain(manifest.schedule),
        "tags": list(launch.tags),
        "namespace": launch.namespace,
        "file": launch.file,
        "python": launch.python,
        "metadata": launch.metadata,
        "datastore": launch.datastore,
        "datastore root": launch.datastore_root,
        "environment": launch.environment,
        "event logger": launch.event_logger,
        "monitor": launch.monitor,
        "with": list(launch.decorators),
        "options": list(launch.options),
        "variables": dict(launch.env),
    }


def _format(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={item}" for key, item in value.items()) + "}"
    return str(value)
