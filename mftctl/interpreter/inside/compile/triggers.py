"""The events a flow waits for: @trigger and @trigger_on_finish.

With the rules and refusals of Metaflow's Argo integration (``plugins/argo/argo_workflows.py``, ``_process_triggers``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ....model.manifest import Parameter, Trigger
from .main import Refused

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_FIELD = re.compile(r"[A-Za-z0-9_]+")


def triggers_of(flow: Any, parameters: Iterable[Parameter]) -> tuple[Trigger, ...]:
    """What runs of the flow wait for; none for a flow that is started in other ways."""
    decorators = flow._flow_decorators
    on_event, on_finish = decorators.get("trigger"), decorators.get("trigger_on_finish")
    if on_event and on_finish:
        raise Refused(
            f"{flow.name} has both @trigger and @trigger_on_finish, which is not supported",
            "unsupported",
            "keep one of them",
        )
    for decorator in (*(on_event or ()), *(on_finish or ())):
        # The one option that Metaflow's Argo integration follows; it would matter in silence.
        if (decorator.attributes.get("options") or {}).get("reset_at"):
            raise Refused(
                f"@{decorator.name}: events are not forgotten at a time (options reset_at), they wait for each other",
                "unsupported",
                "take reset_at away",
            )
    if on_event:
        return _on_event(on_event[0], {one.name.lower(): one.name for one in parameters})
    return _on_finish(on_finish[0]) if on_finish else ()


def _on_event(decorator: Any, parameters: dict[str, str]) -> tuple[Trigger, ...]:
    decorator.format_deploytime_value()
    found, seen = [], set()
    for event in decorator.triggers:
        name = event["name"]
        if not _NAME.fullmatch(name):
            raise Refused(
                f"@trigger: '{name}' is no name of an event",
                "flow.invalid",
                "use letters, digits, _, - and .",
            )
        pairs = []
        for parameter, field in event.get("parameters", {}).items():
            if not _FIELD.fullmatch(field):
                raise Refused(
                    f"@trigger: event {name} can have no field '{field}'",
                    "flow.invalid",
                    "use letters, digits and _",
                )
            if parameter.lower() not in parameters:
                raise Refused(
                    f"@trigger: event {name} is to set parameter '{parameter}', which the flow does not have",
                    "flow.invalid",
                )
            if parameter.lower() in seen:
                raise Refused(f"@trigger: parameter '{parameter}' is set twice", "flow.invalid")
            seen.add(parameter.lower())
            pairs.append((parameters[parameter.lower()], field))
        found.append(Trigger(name, "event", tuple(pairs)))
    if len(found) == 1 and not found[0].parameters:
        # One event sets every parameter that it has a field for.
        return (Trigger(found[0].name, "event", tuple((name, name) for name in parameters.values())),)
    return tuple(found)


def _on_finish(decorator: Any) -> tuple[Trigger, ...]:
    from metaflow import current

    decorator.format_deploytime_value()
    found = []
    for event in decorator.triggers:
        project = event.get("project") or current.get("project_name")
        branch = event.get("branch") or current.get("branch_name")
        if bool(project) is not bool(branch):
            raise Refused(
                f"@trigger_on_finish: {event['flow']} is told by only one of project and project_branch",
                "flow.invalid",
                "give both, or decorate the flow with @project",
            )
        name = ".".join(part for part in (project, branch, event["flow"]) if part)
        found.append(Trigger(f"metaflow.{name}.end", "run"))
    return tuple(found)
