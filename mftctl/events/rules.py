"""Events, and which of them a deployment waits for: what @trigger and @trigger_on_finish mean, without Temporal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..model.codec import from_plain, to_plain
from ..model.manifest import Manifest, Trigger

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


def waits_for(trigger: Trigger, event: Event) -> bool:
    """Whether the trigger is about this event. The end of a run cannot be told by anybody but the run."""
    return trigger.name == event.name and (trigger.type != "run" or event.type == "run")


def missing_field(manifest: Manifest, event: Event) -> str:
    """Why the event is not one that the deployment waits for: a required parameter finds no value in it; or "".

    As a Sensor of Argo Events has it (``plugins/argo/argo_workflows.py``, the filters of its dependencies).
    """
    required = {one.name for one in manifest.parameters if one.must_be_given}
    for trigger in manifest.triggers:
        for name, key in trigger.parameters if waits_for(trigger, event) else ():
            if name in required and _value(event, key) is None:
                return (
                    f"event '{event.name}' has no field '{key}', which the required parameter '{name}' takes"
                )
    return ""


def due(triggers: Iterable[Trigger], pending: Iterable[Event]) -> tuple[Event, ...]:
    """The events that start a run: the newest for each trigger once there is one for all; else none.

    As a Sensor of Argo Events has it, a newer event takes the place of an older one that waits for others.
    """
    newest = []
    for trigger in triggers:
        found = [event for event in pending if waits_for(trigger, event)]
        if not found:
            return ()
        newest.append(found[-1])
    return tuple(newest)


def still_wanted(triggers: Iterable[Trigger], pending: Iterable[Event]) -> tuple[Event, ...]:
    """What is left of ``pending`` when older events have given way to newer ones, and nobody's are dropped."""
    kept: dict[str, Event] = {}
    known = list(triggers)
    for event in pending:
        if any(waits_for(trigger, event) for trigger in known):
            kept.pop(event.name, None)
            kept[event.name] = event
    return tuple(kept.values())


def parameters(manifest: Manifest, events: Iterable[Event]) -> dict[str, str]:
    """Values that the events give to parameters of the flow, as text; fields that an event lacks give none."""
    values = {}
    for trigger, event in zip(manifest.triggers, events, strict=True):
        for name, key in trigger.parameters:
            value = _value(event, key)
            if value is not None:
                values[name] = value if isinstance(value, str) else json.dumps(value)
    return values


def trigger_records(triggers: Iterable[Trigger], events: Iterable[Event]) -> list[Mapping[str, Any]]:
    """What tasks are told of the events that started their run, as Metaflow's ``Trigger`` takes it."""
    return [
        {"timestamp": int(event.timestamp), "id": event.id, "name": event.name, "type": trigger.type}
        for trigger, event in zip(triggers, events, strict=True)
    ]


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


def _value(event: Event, key: str) -> Any:
    """A field of the payload, or None: Argo's sensors know parameters in lower case only."""
    return next((v for k, v in event.payload.items() if k.lower() == key.lower()), None)
