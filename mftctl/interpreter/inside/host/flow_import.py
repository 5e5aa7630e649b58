"""Imports a flow in its host, and decides how its tasks start: as forks, as new processes, or not at all."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any, Callable, NoReturn

from metaflow import metaflow_version

from ....model.errors import MftctlError
from ....model.manifest import Launch
from .. import flow_file, not_packaged, own_code, s3
from ..protocol import UNFORKABLE, Request
from ..task import decorated_command, import_failure, stacks
from ..task.import_output import ImportOutput
from . import enclosing_blocks, fork_safety, fork_server, started_flow, step_sources
from .clock import Clock
from .command_line import CommandLine
from .exit_handlers import ExitHandlers
from .randomness import RandomState
from .signal_handlers import SignalHandlers
from .task_forks import Forked, Unloadable


def serve(request: Request, launch: Launch, file: str) -> NoReturn:
    """Import the flow and serve its tasks. Tasks of a flow that cannot be imported fail, with the reason."""
    stacks.hide_own_frames()
    output = ImportOutput()
    before = fork_safety.snapshot()
    random_state, clock, exits, signals = RandomState(), Clock(), ExitHandlers(), SignalHandlers()
    command_line = CommandLine()
    random_state.watch()
    clock.watch()
    exits.watch()
    imported = []

    def stop_watching() -> tuple[bytes, bytes]:
        """End the watch over the import; what it has printed."""
        for watch in (clock, command_line, random_state, exits, signals):
            watch.stop()
        return output.stop()

    def on_flow(flow: Any, resume: Callable[[], None]) -> None:
        prelude = stop_watching()
        found = fork_safety.problems(before)
        if not found:
            _import_command_line(flow)
            s3.warm(launch)
            found = fork_safety.process_problems(before)
        imported.append(flow)
        found = [*found, *random_state.problems(), *exits.problems(), *clock.problems()]
        if found := [*found, *command_line.problems(), *enclosing_blocks.problems()]:
            _refuse_to_fork(request, found)
        starter = Forked(file, flow, resume, random_state, exits, signals, prelude)
        started = starter if started_flow.may_start(flow, launch) else None
        fork_server.serve(request, launch, starter, own_code.imported(), started=started)

    try:
        command_line.watch(file)
        step_sources.keep()
        flow_file.execute(file, on_flow)
        reason = import_failure.no_flow(file)
    except BaseException as error:
        if imported:  # of serving the flow, not of its import
            raise
        if import_failure.is_of_machine(error):
            output.stop()
            request.fail(MftctlError(traceback.format_exc(limit=-8)))
            sys.exit(1)
        reason = import_failure.text(error, not_packaged.reason(str(error), launch.left_out))
    prelude = stop_watching()
    if found := [*fork_safety.problems(before), *command_line.problems()]:
        _refuse_to_fork(request, found)
    fork_server.serve(request, launch, Unloadable(reason, prelude), own_code.imported(), broken=True)


def _refuse_to_fork(request: Request, problems: list[str]) -> NoReturn:
    """Reply why tasks cannot be forked, and end as Python does, with no output: it would belong to no task."""
    request.fail(MftctlError(" and ".join(problems), code=UNFORKABLE))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    sys.exit(0)


def _import_command_line(flow: Any) -> None:
    """Import once what every task needs. Not `init`: its module reads the flow's Parameters when it is imported."""
    command_line = flow_file.load_command_line(flow)
    # Like Metaflow's command line, it reads the flow's Configs when it is imported.
    import metaflow.cli_components.step_cmd  # noqa: F401

    decorated_command.register(command_line)
    metaflow_version.get_version()
