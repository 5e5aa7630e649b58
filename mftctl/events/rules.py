"""Which events start a run of a deployment: the meaning of @trigger and @trigger_on_finish, without Temporal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..model.event import Event
from ..model.manifest import Manifest, Trigger


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


def _value(event: Event, key: str) -> Any:
    """A field of the payload, or None: Argo's sensors know parameters in lower case only."""
    return next((v for k, v in event.payload.items() if k.lower() == key.lower()), None)
