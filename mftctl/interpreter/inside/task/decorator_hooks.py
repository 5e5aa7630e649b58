"""The hooks by which a step's decorators take part in starting its tasks, and what they say about where those run."""

from __future__ import annotations

from typing import Any

_HOOKS = ("runtime_init", "runtime_task_created", "runtime_step_cli")
#: Decorators that change how a task starts and leave it on the worker's machine. Others may take it elsewhere.
_STAY_HERE = frozenset({"environment", "conda", "pypi"})


def rewrites_command(decorators: list[Any]) -> bool:
    """Whether a decorator wants to see or change the command of its task before it starts.

    @parallel does as well, but what it adds for its control task is known (``command.py``).
    """
    return any(_takes_part(one) for one in decorators)


def may_run_elsewhere(decorators: list[Any]) -> bool:
    """Whether a decorator may make its task run on another machine (@kubernetes, @batch, third parties)."""
    return any(_takes_part(one) and one.name not in _STAY_HERE for one in decorators)


def has(decorators: list[Any], hook: str) -> bool:
    """Whether one of the decorators has a ``hook`` of its own."""
    return any(_own(one, hook) for one in decorators)


def call(decorators: list[Any], hook: str, step: str, given: tuple[Any, ...], newer: tuple[Any, ...]) -> None:
    """Call a hook of each decorator as the native runtime does: with what is ``given``, or in its ``newer`` form."""
    for decorator in decorators:
        with_context = getattr(decorator, f"{hook}_ctx", None)
        if with_context is None:
            getattr(decorator, hook)(*given)
        else:
            with_context(step, *newer)


def tell(**known: Any) -> None:
    """Let hooks of the newer form read what they would have been given (``system_ctx``)."""
    try:
        from metaflow.system_context import system_context
    except ImportError:  # this metaflow has none yet
        return
    system_context._update(**known)


def _takes_part(decorator: Any) -> bool:
    from metaflow.plugins.parallel_decorator import ParallelDecorator

    return any(_own(decorator, hook, besides=ParallelDecorator) for hook in _HOOKS)


def _own(decorator: Any, hook: str, besides: Any = None) -> bool:
    from metaflow.decorators import StepDecorator

    known = [getattr(kind, hook) for kind in (StepDecorator, besides) if kind is not None]
    newer = getattr(decorator, f"{hook}_ctx", None) is not None
    return newer or getattr(type(decorator), hook) not in known
