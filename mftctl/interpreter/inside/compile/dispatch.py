"""How Temporal hands out the tasks of a step: of its @temporal, and of the option `--step-queue` of the deployment."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Optional

from ....model import ids
from ....model.durations import seconds_of
from ....model.manifest import Dispatch
from ....model.options import LAST_PRIORITY
from ....model.resources import DEFAULT_CPU, DEFAULT_MEMORY, NOTHING, Resources
from .compile_error import CompileError

#: Characters of a fairness key that Temporal accepts.
_MAX_KEY = 64
_SLOT = Resources(DEFAULT_CPU, DEFAULT_MEMORY)


def of(step: str, decorators: list[Any], queue: Optional[str] = None, *, elsewhere: bool = False) -> Dispatch:
    """How the step's tasks are handed out; CompileError for a value that Temporal or a worker cannot follow.

    ``queue``: the task queue that the deployment names for it. What runs ``elsewhere`` takes nothing of the worker.
    """
    found, needs, memory = Dispatch(), NOTHING, None
    for decorator in decorators:
        if decorator.name == "temporal":
            found = _checked(step, decorator.attributes)
        if decorator.name == "resources" and not elsewhere:
            asked = _asked(step, decorator.attributes)
            # What is no more than a slot needs no other worker.
            needs = NOTHING if asked.fits(_SLOT) else asked
            memory = asked.memory or None
    return replace(found, needs=needs, memory=memory, queue=found.queue if queue is None else queue)


def queues_of(graph: Iterable[Any], options: tuple[str, ...]) -> dict[str, str]:
    """The task queues of ``--step-queue STEP=QUEUE``, by step; CompileError for one that is not of this flow."""
    names, queues = [node.name for node in graph], {}
    for option in options:
        step, separator, queue = option.partition("=")
        problem = ids.task_queue_problem(queue)
        if not separator or problem:
            reason = problem if separator else "it has no '='"
            raise CompileError(
                f"--step-queue: '{option}' is not STEP=QUEUE: {reason}", "usage", "write train=gpu"
            )
        if step not in names:
            raise CompileError(
                f"--step-queue: the flow has no step '{step}'", "usage", f"its steps: {', '.join(names)}"
            )
        queues[step] = queue
    return queues


def _checked(step: str, given: dict[str, Any]) -> Dispatch:
    queue, priority, key = given["queue"], given["priority"], given["fairness_key"]
    if queue is not None and (problem := ids.task_queue_problem(queue)):
        raise _refused(step, "queue", queue, problem)
    if priority is not None and (type(priority) is not int or not 1 <= priority <= LAST_PRIORITY):
        raise _refused(step, "priority", priority, f"it must be a number from 1 to {LAST_PRIORITY}")
    if key is not None and (not isinstance(key, str) or not 0 < len(key.encode()) <= _MAX_KEY):
        raise _refused(step, "fairness_key", key, f"it must be a text of 1 to {_MAX_KEY} bytes")
    return Dispatch(
        queue,
        priority,
        key,
        start_to_close=_seconds(step, "start_to_close", given, least=1.0),
        schedule_to_start=_seconds(step, "schedule_to_start", given, least=1.0),
        # Workers send one every 2 s.
        heartbeat=_seconds(step, "heartbeat", given, least=5.0),
    )


def _seconds(step: str, name: str, given: dict[str, Any], least: float) -> Optional[float]:
    value = given[name]
    if value is None:
        return None
    seconds = seconds_of(value) if isinstance(value, (str, int, float)) and value is not True else None
    if seconds is None:
        raise _refused(step, name, value, "it must be seconds, or a duration such as 90s, 15m or 2h")
    if seconds < least:
        raise _refused(step, name, value, f"it must be at least {least:g} s")
    return seconds


def _asked(step: str, given: dict[str, Any]) -> Resources:
    """What @resources asks for."""
    try:
        cpu, memory, gpu = float(given["cpu"] or 0), float(given["memory"] or 0), float(given["gpu"] or 0)
    except (TypeError, ValueError):
        cpu = -1.0
    if cpu < 0 or memory < 0 or gpu < 0 or gpu != int(gpu):
        asked = ", ".join(f"{name}={given[name]!r}" for name in ("cpu", "memory", "gpu"))
        raise CompileError(f"step {step}, @resources: {asked}: these must be numbers, and gpu a whole one")
    return Resources(cpu, math.ceil(memory), int(gpu))


def _refused(step: str, name: str, value: Any, problem: str) -> CompileError:
    return CompileError(f"step {step}, @temporal: {name}={value!r}: {problem}")
