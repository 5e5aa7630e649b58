"""Runs a flow's command line in a process of its interpreter: `boot.py flow FILE ARG...` is `python FILE ARG...`."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from typing import Any, Callable

from ..search_path import add_package
from ..uncollected import uncollected
from . import import_failure, orphans, stacks
from .import_output import ImportOutput


def main(file: str) -> None:
    """Run the flow's file with the arguments of this process."""
    sys.argv = [file, *sys.argv[3:]]
    orphans.end_with(os.getppid())
    add_package()
    stacks.hide_own_frames()
    _run(file)


def _run(file: str) -> None:
    with uncollected():
        # These import metaflow: not before `add_package`.
        from .. import flow_file
        from . import (
            clone_parameters,
            compensation_step,
            decorated_command,
            hidden_variables,
            trigger_context,
        )

    clone_parameters.prepare(sys.argv)
    trigger_context.prepare()
    # A process that calls decorators' hooks becomes the task, which imports the flow again: print once.
    output = ImportOutput() if decorated_command.COMMAND in sys.argv else None
    imported: list[Any] = []

    def on_flow(flow: Any, resume: Callable[[], None]) -> None:
        imported.append(flow)
        compensation_step.prepare(flow)
        hidden_variables.prepare()
        if output is not None:
            output.stop()
            decorated_command.register(flow_file.load_command_line(flow))
        resume()

    try:
        with ExitStack() as stack:
            if output is not None:
                stack.callback(output.release)  # what a failed import has printed belongs to the task
            flow_file.execute(file, on_flow)
        reason = import_failure.no_flow(file)
    except BaseException as error:
        if imported or import_failure.is_of_machine(error):
            raise
        reason = import_failure.text(error)
    if imported:
        sys.exit(0)
    sys.stdout.flush()
    sys.stderr.write(reason)
    sys.exit(import_failure.EXIT_DISALLOW_RETRY)
