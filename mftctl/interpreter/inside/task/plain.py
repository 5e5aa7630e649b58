"""A flow's command line in a new process of its interpreter: `boot.py plain FILE ARG...` is `FILE ARG...`."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Optional

from .. import program
from ..attempt import orphans
from ..environment import settle
from ..host import import_failure, stacks
from ..host.printed import Printed
from . import clone_parameters, decorated, handler_step, hidden_variables, trigger_context

#: The flow, once its file has called it.
_reached: list[Any] = []


def main(fd: str) -> None:
    """Run the file that stands where other modes have a socket, as `python FILE ARG...` would."""
    file = fd
    sys.argv = [file, *sys.argv[3:]]
    orphans.end_with(os.getppid())
    settle()
    stacks.hide_ours()
    clone_parameters.prepare(sys.argv)
    trigger_context.prepare()
    # A process that asks the decorators becomes the task, and imports the flow once more.
    printed = Printed() if decorated.COMMAND in sys.argv else None

    def on_flow(flow: Any, go_on: Callable[[], None]) -> None:
        _reached.append(flow)
        handler_step.prepare(flow)
        hidden_variables.prepare()
        if printed is not None:
            printed.stop()
            decorated.register(program.load_command_line(flow))
        go_on()

    try:
        program.execute(file, on_flow)
        why = import_failure.ends_without_flow(file)
    except BaseException as error:
        _release(printed)
        if _reached or import_failure.is_machines(error):
            raise
        why = import_failure.why(error)
    if _reached:
        sys.exit(0)
    _release(printed)
    sys.stdout.flush()
    sys.stderr.write(why)
    sys.exit(import_failure.EXIT_DISALLOW_RETRY)


def _release(printed: Optional[Printed]) -> None:
    """What a failed import has printed is its task's."""
    if printed is not None:
        printed.release()
