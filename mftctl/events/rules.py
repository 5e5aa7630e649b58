"""Which events start a run of a deployment: the meaning of @trigger and @trigger_on_finish, without Temporal."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..model.event import Event
from ..model.manifest import Manifest, Trigger


def waits_for(trigger: Trigger, event: Event) -> bool:
    """Whether the trigger is for this event. Only a run itself can publish its end."""
    return trigger.name == event.name and (trigger.type != "run" or event.type == "run")


def missing_field(manifest: Manifest, event: Event) -> str:
    """Why the event cannot start the deployment: it lacks the field of a required parameter; or "".

    The rule of the dependency filters of Argo Events' Sensors (``plugins/argo/argo_workflows.py``).
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
    """The events that start a run: the newest of each trigger, once all triggers have one; else none.

    As in a Sensor of Argo Events, a newer event replaces an older one that is still pending.
    """
    newest = []
    for trigger in triggers:
        found = [event for event in pending if waits_for(trigger, event)]
        if not found:
            return ()
        newest.append(found[-1])
    return tuple(newest)


def still_wanted(triggers: Collection[Trigger], pending: Iterable[Event]) -> tuple[Event, ...]:
    """The events of ``pending`` that a trigger waits for, the newest of each name."""
    kept: dict[str, Event] = {}
    for event in pending:
        if any(waits_for(trigger, event) for trigger in triggers):
            kept.pop(event.name, None)
            kept[event.name] = event
    return tuple(kept.values())


def parameters(manifest: Manifest, events: Iterable[Event]) -> dict[str, str]:
    """The values of the flow's parameters that the events set, as text; missing fields set none."""
    values = {}
    for trigger, event in zip(manifest.triggers, events, strict=True):
        for name, key in trigger.parameters:
            value = _value(event, key)
            if value is not None:
                values[name] = value if isinstance(value, str) else json.dumps(value)
    return values


def trigger_records(triggers: Iterable[Trigger], events: Iterable[Event]) -> list[Mapping[str, Any]]:
    """The events that started a run, in the form of Metaflow's ``Trigger``, for its tasks."""
    return [
        {"timestamp": int(event.timestamp), "id": event.id, "name": event.name, "type": trigger.type}
        for trigger, event in zip(triggers, events, strict=True)
    ]


def _value(event: Event, key: str) -> Any:
    """A field of the payload in any case, or None: Argo's sensors use parameter names in lower case."""
    return next((v for k, v in event.payload.items() if k.lower() == key.lower()), None)
