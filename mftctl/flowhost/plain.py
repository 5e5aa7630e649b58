"""A flow's command line in a new process of its interpreter: `boot.py plain FILE ARG...` is `FILE ARG...`."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Optional

from . import compensation, launch, occasion, orphans, program, renewal, stacks, unloadable, unseen
from .environment import settle
from .printed import Printed

#: The flow, once its file has called it.
_reached: list[Any] = []


def main(fd: str) -> None:
    """Run the file that stands where other modes have a socket, as `python FILE ARG...` would."""
    file = fd
    sys.argv = [file, *sys.argv[3:]]
    orphans.end_with(os.getppid())
    settle()
    stacks.hide_ours()
    renewal.prepare(sys.argv)
    occasion.prepare()
    # A process that asks the decorators becomes the task, and imports the flow once more.
    printed = Printed() if launch.COMMAND in sys.argv else None

    def on_flow(flow: Any, go_on: Callable[[], None]) -> None:
        _reached.append(flow)
        compensation.prepare(flow)
        unseen.prepare()
        if printed is not None:
            printed.stop()
            launch.register(program.load_command_line(flow))
        go_on()

    try:
        program.execute(file, on_flow)
        why = unloadable.ends_without_flow(file)
    except BaseException as error:
        _release(printed)
        if _reached or unloadable.is_machines(error):
            raise
        why = unloadable.why(error)
    if _reached:
        sys.exit(0)
    _release(printed)
    sys.stdout.flush()
    sys.stderr.write(why)
    sys.exit(unloadable.EXIT_DISALLOW_RETRY)


def _release(printed: Optional[Printed]) -> None:
    """What a failed import has printed is its task's."""
    if printed is not None:
        printed.release()
