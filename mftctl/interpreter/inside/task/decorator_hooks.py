"""The hooks with which a step's decorators change how and where its tasks start."""

from __future__ import annotations

from typing import Any

from metaflow.decorators import StepDecorator
from metaflow.plugins.parallel_decorator import ParallelDecorator

try:
    from metaflow.system_context import system_context
except ImportError:  # an older metaflow has none
    system_context = None

_HOOKS = ("runtime_init", "runtime_task_created", "runtime_step_cli")
#: Decorators that change how a task starts and leave it on the worker's machine. Others may move it.
_STAY_HERE = frozenset({"environment", "conda", "pypi"})


def rewrites_command(decorators: list[Any]) -> bool:
    """Whether a decorator may change the command of its task before it starts.

    @parallel does so in a known way, for its control task (``attempt/metaflow_commands.py``), and does not count.
    """
    return any(_changes_start(one) for one in decorators)


def may_run_elsewhere(decorators: list[Any]) -> bool:
    """Whether a decorator may make its task run on another machine (@kubernetes, @batch, third parties)."""
    return any(_changes_start(one) and one.name not in _STAY_HERE for one in decorators)


def has(decorators: list[Any], hook: str) -> bool:
    """Whether one of the decorators implements a ``hook``."""
    return any(_implements(one, hook) for one in decorators)


def call(decorators: list[Any], hook: str, step: str, older: tuple[Any, ...], newer: tuple[Any, ...]) -> None:
    """Call a hook of each decorator as the native runtime does, with the arguments of its older or its newer form."""
    for decorator in decorators:
        with_context = getattr(decorator, f"{hook}_ctx", None)
        if with_context is None:
            getattr(decorator, hook)(*older)
        else:
            with_context(step, *newer)


def set_context(**values: Any) -> None:
    """Set what hooks of the newer form read in place of arguments (``system_context``)."""
    if system_context is not None:
        system_context._update(**values)


def _changes_start(decorator: Any) -> bool:
    return any(_implements(decorator, hook, besides=ParallelDecorator) for hook in _HOOKS)


def _implements(decorator: Any, hook: str, besides: Any = None) -> bool:
    known = [getattr(kind, hook) for kind in (StepDecorator, besides) if kind is not None]
    newer = getattr(decorator, f"{hook}_ctx", None) is not None
    return newer or getattr(type(decorator), hook) not in known
