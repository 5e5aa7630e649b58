"""Runs Metaflow's command line up to its step command, once for all tasks of a supervisor.

The command lines of a flow's tasks are the same up to the word ``step``. What Metaflow does with that part (parse it,
make the datastore and the metadata provider, initialise decorators) is a third of a short task. It has no effect on
the task but what a fork takes over, as long as all decorators are Metaflow's own and known here.
"""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from typing import Any, Callable, NoReturn

from metaflow._vendor import click
from metaflow.flowspec import FlowStateItems

from ....model.manifest import Launch
from .. import flow_file
from ..attempt.metaflow_commands import top_options
from ..attempt.task_process import Starter
from ..task.import_output import ImportOutput
from .task_forks import Forked, run_to_end

#: Decorators whose initialisation depends on nothing but the flow and its options.
_KNOWN = frozenset(
    {"card", "catch", "environment", "exit_hook", "parallel", "project", "resources", "retry", "schedule"}
    | {"secrets", "temporal", "timeout", "trigger", "trigger_on_finish", "unbounded_test_foreach_internal"}
)
_OURS = ("metaflow.", "metaflow_extensions.temporal.")
_STEP = "step"


class TaskBegins(BaseException):
    """Raised in a forked task: unwinds the stack to the start of the command line, which then continues."""

    def __init__(self, argv: list[str]) -> None:
        super().__init__()
        self.argv = argv


class _NotAlike(BaseException):
    """The start of the command line has an effect that each task must have."""


def may_start(flow: Any, launch: Launch) -> bool:
    """Whether the tasks of a flow can share the start of their command line."""
    kind = type(flow)
    state = kind._flow_state
    flow_decorators = [one for several in state[FlowStateItems.FLOW_DECORATORS].values() for one in several]
    steps = [getattr(kind, node.name) for node in kind._graph]
    decorators = [*flow_decorators, *(one for step in steps for one in step.decorators)]
    changing = [
        *state[FlowStateItems.FLOW_MUTATORS],
        *state[FlowStateItems.CONFIGS],
        *(one for step in steps for one in (*step.wrappers, *step.config_decorators)),
    ]
    added = {
        option[len("--with=") :].split(":")[0] for option in launch.options if option.startswith("--with=")
    }
    plain = (launch.environment, launch.event_logger, launch.monitor)
    return (
        not changing
        and not launch.step_options
        and plain == ("local", "nullSidecarLogger", "nullSidecarMonitor")
        and added <= _KNOWN
        and all(one.name in _KNOWN and type(one).__module__.startswith(_OURS) for one in decorators)
    )


def serve(starter: Forked, launch: Launch, answer: Callable[[Starter], NoReturn]) -> None:
    """Start the command line, and ``answer`` requests with forks that go on from there.

    Returns where it cannot be started, or prints something: tasks then do all of it, and say so themselves.
    """
    top = top_options(launch)
    command = flow_file.load_command_line(starter.flow).start
    original, started, output = command.callback, False, ImportOutput()

    def callback(*args: Any, **kwargs: Any) -> Any:
        nonlocal started
        command.callback = original
        result = original(*args, **kwargs)
        if output.stop() != (b"", b""):
            raise _NotAlike
        gc.collect()
        gc.freeze()
        argv = _next_task(starter, len(top), answer)
        started = True
        click.get_current_context().saved_args[:] = argv
        return result

    def resume() -> None:
        command.callback = callback
        starter.resume()

    sys.argv = [starter.file, *top, _STEP]
    try:
        run_to_end(resume, lambda: started)
    except BaseException:
        command.callback = original
    finally:
        output.stop()


def _next_task(starter: Forked, skipped: int, answer: Callable[[Starter], NoReturn]) -> list[str]:
    """Returns in each forked task, with its command line from the word ``step`` on."""
    try:
        answer(_Continued(**vars(starter)))
    except TaskBegins as task:
        found = task.argv[skipped:]
    return found


@dataclass
class _Continued(Forked):
    """Forks that go on after the start of their command line."""

    def begin(self, argv: list[str]) -> NoReturn:
        """Unwind the stack, so that it is that of `python flow.py run`."""
        raise TaskBegins(argv)
