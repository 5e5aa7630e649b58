"""The events that start runs of a flow: @trigger and @trigger_on_finish.

The rules are those of Metaflow's Argo integration (``plugins/argo/argo_workflows.py``, ``_process_triggers``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from metaflow import current

from ....model import ids
from ....model.manifest import Trigger
from ....model.parameter import Parameter
from .compile_error import CompileError

_FIELD = re.compile(r"[A-Za-z0-9_]+")


def triggers_of(flow: Any, parameters: Iterable[Parameter]) -> tuple[Trigger, ...]:
    """The events that the flow waits for; none without one of the decorators. CompileError for wrong ones."""
    decorators = flow._flow_decorators
    on_event, on_finish = decorators.get("trigger"), decorators.get("trigger_on_finish")
    if on_event and on_finish:
        raise CompileError(
            f"{flow.name} has both @trigger and @trigger_on_finish, which is not supported",
            "unsupported",
            "keep one of them",
        )
    for decorator in (*(on_event or ()), *(on_finish or ())):
        # The one option that the Argo integration honours: to ignore it would change when runs start.
        if (decorator.attributes.get("options") or {}).get("reset_at"):
            raise CompileError(
                f"@{decorator.name}: the option reset_at is not supported: events wait for each other without a limit",
                "unsupported",
                "remove reset_at",
            )
    if on_event:
        return _on_event(on_event[0], {one.name.lower(): one.name for one in parameters})
    return _on_finish(on_finish[0]) if on_finish else ()


def _on_event(decorator: Any, parameters: dict[str, str]) -> tuple[Trigger, ...]:
    decorator.format_deploytime_value()
    found, set_before = [], set()
    for event in decorator.triggers:
        name = event["name"]
        if not ids.is_event_name(name):
            raise CompileError(f"@trigger: '{name}' is not a valid event name", hint=ids.EVENT_NAME_HINT)
        pairs = []
        for parameter, field in event.get("parameters", {}).items():
            if not _FIELD.fullmatch(field):
                raise CompileError(
                    f"@trigger: event {name}: '{field}' is not a field name", hint="use letters, digits and _"
                )
            if parameter.lower() not in parameters:
                raise CompileError(
                    f"@trigger: event {name} sets parameter '{parameter}', which the flow does not have"
                )
            if parameter.lower() in set_before:
                raise CompileError(f"@trigger: parameter '{parameter}' is set twice")
            set_before.add(parameter.lower())
            pairs.append((parameters[parameter.lower()], field))
        found.append(Trigger(name, "event", tuple(pairs)))
    if len(found) == 1 and not found[0].parameters:
        # A single event sets every parameter that it has a field for.
        return (Trigger(found[0].name, "event", tuple((name, name) for name in parameters.values())),)
    return tuple(found)


def _on_finish(decorator: Any) -> tuple[Trigger, ...]:
    decorator.format_deploytime_value()
    found = []
    for event in decorator.triggers:
        project = event.get("project") or current.get("project_name")
        branch = event.get("branch") or current.get("branch_name")
        if bool(project) is not bool(branch):
            raise CompileError(
                f"@trigger_on_finish: {event['flow']} has only one of project and project_branch",
                hint="give both, or decorate the flow with @project",
            )
        name = ".".join(part for part in (project, branch, event["flow"]) if part)
        found.append(Trigger(f"metaflow.{name}.end", "run"))
    return tuple(found)
