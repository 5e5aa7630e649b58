"""Events: the messages that start runs of deployments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .codec import Serializable
from .manifest import Manifest

#: Bytes of an event as JSON: a listener keeps one for each trigger, and the server refuses payloads of 2 MiB.
MAX_EVENT_BYTES = 128 * 1024
#: The fields of an event, with their types.
_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("name", "text", str),
    ("id", "text", str),
    ("type", "text", str),
    ("timestamp", "a number", (int, float)),
    ("payload", "an object", Mapping),
)
#: The end of the year 9999, the last year of Python's dates.
_LAST_TIME = 253402300800


@dataclass(frozen=True)
class Event(Serializable):
    """An event: ``type`` is ``run`` for the end of a completed run, else ``event``.

    ``id`` stays the same when it is published again. ``timestamp``: Unix seconds. ``payload``: JSON values by name.
    """

    name: str
    id: str
    timestamp: float
    type: str = "event"
    payload: dict[str, Any] = field(default_factory=dict)


def invalid_reason(plain: Any) -> str:
    """Why ``plain`` is not an event, or "": a signal may carry anything."""
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
        return f"it has {size} bytes, at most {MAX_EVENT_BYTES} are allowed"
    return ""


def run_finished_events(manifest: Manifest, run_id: str, task_id: str, at: float) -> list[Event]:
    """The events of a completed run, with the names and payloads of Metaflow's Argo integration.

    An end step with another name publishes under that name and under ``end``.
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
