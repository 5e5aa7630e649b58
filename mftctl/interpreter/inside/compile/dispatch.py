"""How Temporal hands out the tasks of a step: of its @temporal, and of the option `--step-queue` of the deployment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Optional

from ....model import ids
from ....model.durations import seconds_of
from ....model.manifest import Dispatch
from .compile_error import CompileError

#: The decorator's durations, and the least seconds that each may have: workers send heartbeats every 2 s.
_DURATIONS = {"start_to_close": 1.0, "schedule_to_start": 1.0, "heartbeat": 5.0}
#: Characters of a fairness key that Temporal accepts.
_MAX_KEY = 64
_LAST_PRIORITY = 5


def of(step: str, decorators: list[Any], queue: Optional[str] = None) -> Dispatch:
    """How the step's tasks are handed out; CompileError for a value that Temporal or a worker cannot follow.

    ``queue``: the task queue that the deployment names for it.
    """
    found = Dispatch()
    for decorator in decorators:
        if decorator.name == "temporal":
            found = _checked(step, decorator.attributes)
    return found if queue is None else replace(found, queue=queue)


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
    if priority is not None and (type(priority) is not int or not 1 <= priority <= _LAST_PRIORITY):
        raise _refused(step, "priority", priority, f"it must be a number from 1 to {_LAST_PRIORITY}")
    if key is not None and (not isinstance(key, str) or not 0 < len(key.encode()) <= _MAX_KEY):
        raise _refused(step, "fairness_key", key, f"it must be a text of 1 to {_MAX_KEY} bytes")
    seconds = {name: _seconds(step, name, given[name], least) for name, least in _DURATIONS.items()}
    return Dispatch(queue, priority, key, **seconds)


def _seconds(step: str, name: str, value: Any, least: float) -> Optional[float]:
    if value is None:
        return None
    seconds = seconds_of(value) if isinstance(value, (str, int, float)) and value is not True else None
    if seconds is None:
        raise _refused(step, name, value, "it must be seconds, or a duration such as 90s, 15m or 2h")
    if seconds < least:
        raise _refused(step, name, value, f"it must be at least {least:g} s")
    return seconds


def _refused(step: str, name: str, value: Any, problem: str) -> CompileError:
    return CompileError(f"step {step}, @temporal: {name}={value!r}: {problem}")
