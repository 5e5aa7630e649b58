"""Events: the messages that start runs of deployments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .codec import from_plain, to_plain
from .manifest import Manifest

#: Bytes of an event as JSON: a listener carries one for each trigger, and a payload of the server holds 2 MiB.
MAX_EVENT_BYTES = 128 * 1024
#: Fields of an event with what they are.
_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("name", "text", str),
    ("id", "text", str),
    ("type", "text", str),
    ("timestamp", "a number", (int, float)),
    ("payload", "an object", Mapping),
)
#: The end of the year 9999, where Python's dates end.
_LAST_TIME = 253402300800


@dataclass(frozen=True)
class Event:
    """Something that happened: ``type`` is ``run`` for the good end of a run, else ``event``.

    ``id`` is the same however often it is told. ``timestamp``: Unix seconds. ``payload``: JSON values by name.
    """

    name: str
    id: str
    timestamp: float
    type: str = "event"
    payload: dict[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """JSON values."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> Event:
        """The event that ``to_plain`` gave."""
        return from_plain(Event, plain)


def invalid_reason(plain: Any) -> str:
    """Why this is no event, in a few words; "" when it is one: anybody who may signal can send anything."""
    if not isinstance(plain, Mapping):
        return "it is not a JSON object"
    if not plain.get("name"):
        return "it has no name"
    for key, wanted, kind in _FIELDS:
        if key in plain and (not isinstance(plain[key], kind) or isinstance(plain[key], bool)):
            return f"its {key} is not {wanted}"
    if not 0 <= plain.get("timestamp", 0) < _LAST_TIME:
        return "its timestamp is not in Unix seconds"
    try:
        size = len(json.dumps(plain, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return "its text is not Unicode"
    if size > MAX_EVENT_BYTES:
        return f"it has {size} bytes, and {MAX_EVENT_BYTES} are allowed"
    return ""


def run_finished_events(manifest: Manifest, run_id: str, task_id: str, at: float) -> list[Event]:
    """The events of a run that ended well, named and filled as Metaflow's Argo integration has them.

    An end step with a name of its own tells of itself under that name and under ``end``.
    """
    named = ".".join(part for part in (manifest.project, manifest.branch, manifest.flow) if part)
    pathspec = f"{manifest.flow}/{run_id}/{manifest.end}/{task_id}"
    payload: dict[str, Any] = {
        "id": pathspec,
        "pathspec": pathspec,
        "flow_name": manifest.flow,
        "run_id": run_id,
        "step_name": manifest.end,
        "task_id": task_id,
        "auto-generated-by-metaflow": True,
    }
    if manifest.project:
        payload |= {
            "project_name": manifest.project,
            "branch_name": manifest.branch,
            "project_flow_name": named,
        }
    names = dict.fromkeys((manifest.end, "end"))
    return [Event(f"metaflow.{named}.{name}", pathspec, at, "run", payload) for name in names]
