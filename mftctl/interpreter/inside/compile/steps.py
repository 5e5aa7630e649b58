"""The steps of a flow and the handlers that undo them (``mftctl.saga``), with what their decorators ask of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ....model.manifest import Step
from ..task import decorator_hooks
from . import dispatch
from .compile_error import CompileError

#: Step decorators that no worker can run, and why.
_UNSUPPORTED = {"slurm": "it submits the step to a Slurm scheduler"}


def steps_of(state: Any, queues: dict[str, str]) -> Iterator[Step]:
    """The steps in the graph's order; CompileError for one that no worker can run.

    ``queues``: task queues of steps that the deployment names, instead of those of @temporal.
    """
    for node in state.graph:
        step = getattr(state.flow, node.name)
        for decorator in step.decorators:
            if decorator.name in _UNSUPPORTED:
                reason = _UNSUPPORTED[decorator.name]
                raise CompileError(
                    f"step {node.name}: @{decorator.name} is not supported: {reason}", "unsupported"
                )
        targets = dict.fromkeys(node.out_funcs) if node.type == "split-switch" else node.out_funcs
        elsewhere = decorator_hooks.may_run_elsewhere(step.decorators)
        yield Step(
            name=node.name,
            type=node.type,
            next=tuple(targets),
            split=node.split_parents[-1] if node.type == "join" else None,
            join=node.matching_join,
            parallel=node.parallel_foreach,
            rewrites=decorator_hooks.rewrites_command(step.decorators),
            elsewhere=elsewhere,
            compensation=getattr(step, "compensation", None),
            dispatch=dispatch.of(node.name, step.decorators, queues.get(node.name), elsewhere=elsewhere),
            **_policies(step.decorators, timed=not elsewhere),
        )


def handlers_of(flow: Any, steps: tuple[Step, ...]) -> Iterator[Step]:
    """The handlers that undo steps of the flow; CompileError for one that a worker cannot run in place of its step."""
    for step in steps:
        if step.compensation is None:
            continue
        decorators = getattr(flow, step.compensation).decorators
        if decorator_hooks.rewrites_command(decorators):
            problem = "its decorators must not change how or where it runs"
            raise CompileError(f"{step.compensation} compensates step {step.name}: {problem}", "unsupported")
        yield Step(
            step.compensation,
            "compensation",
            dispatch=dispatch.of(step.compensation, decorators),
            **_policies(decorators),
        )


def _policies(decorators: list[Any], *, timed: bool = True) -> dict[str, Any]:
    """Fields of a Step: retries, the delay before each (as on Argo Workflows) and the timeout.

    Not ``timed`` is a task that may wait in a backend's queue: the backend counts the seconds of @timeout.
    """
    user, error = _retries(decorators)
    minutes = [one.attributes["minutes_between_retries"] for one in decorators if one.name == "retry"]
    try:
        delay = float(minutes[0]) * 60.0 if minutes else 0.0
    except (TypeError, ValueError):
        raise CompileError(f"@retry: minutes_between_retries is not a number: {minutes[0]!r}") from None
    timeouts = [float(one.secs) for one in decorators if one.name == "timeout" and timed]
    return {
        "user_retries": user,
        "error_retries": error,
        "delay": delay,
        "timeout": timeouts[0] if timeouts else None,
    }


def _retries(decorators: list[Any]) -> tuple[int, int]:
    """Retries of user code, and of the fallback of @catch (``metaflow/runtime.py``, ``Task.__init__``)."""
    user, error = 0, 0
    for decorator in decorators:
        user_retries, error_retries = decorator.step_task_retry_count()
        if user_retries is None and error_retries is None:
            return 0, 0
        user, error = max(user, user_retries), max(error, error_retries)
    return user, error
