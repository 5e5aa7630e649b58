"""Gives tasks the scheduled time and the events that their run started on."""

from __future__ import annotations

import os
from typing import Any

from metaflow import current
from metaflow.events import Trigger
from metaflow.metadata_provider import MetadataProvider, MetaDatum
from metaflow.task import MetaflowTask

from ....model.codec import from_json, to_json
from ....model.variables import SCHEDULED_TIME, TRIGGERS


def prepare() -> None:
    """Let Metaflow's command line know and record both; they are in variables of this process."""
    due, triggers = os.environ.get(SCHEDULED_TIME), os.environ.get(TRIGGERS)
    if due:
        _tag(f"scheduled_time:{due}")
    if triggers:
        _trigger(from_json(triggers))


def _tag(tag: str) -> None:
    """Add a system tag to what is registered with Metaflow's metadata."""
    original = MetadataProvider._get_system_tags

    def tags(provider: Any) -> Any:
        return [*original(provider), tag]

    MetadataProvider._get_system_tags = tags


def _trigger(events: list[dict[str, Any]]) -> None:
    """Set ``current.trigger``, and the metadata of the first task (``argo_workflows_decorator.py``)."""
    current._update_env({"trigger": Trigger([dict(event) for event in events])})
    original = MetaflowTask.run_step

    def run_step(task: Any, step_name: str, run_id: str, task_id: str, *args: Any, **kwargs: Any) -> Any:
        register = task.metadata.register_task_id

        def registered(run: str, step: str, task_id: str, attempt: int = 0, *rest: Any, **more: Any) -> Any:
            made = register(run, step, task_id, attempt, *rest, **more)
            name = "execution-triggers"
            datum = MetaDatum(field=name, value=to_json(events), type=name, tags=[f"attempt_id:{attempt}"])
            task.metadata.register_metadata(run, step, task_id, [datum])
            return made

        if step_name == getattr(task.flow._graph, "start_step", "start"):
            task.metadata.register_task_id = registered
        return original(task, step_name, run_id, task_id, *args, **kwargs)

    MetaflowTask.run_step = run_step
