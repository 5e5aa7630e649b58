"""Starts tasks as forks of a host: of a flow that it has imported, or to print why that failed."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from os import getpid  # its own, whatever the flow makes of it
from typing import Any, Callable

from .. import interpreter_end
from ..attempt import metadata_heartbeats
from ..attempt.task_process import Fork, Process
from ..task import clone_parameters, compensation_step, hidden_variables, orphans, trigger_context
from ..task.import_failure import EXIT_DISALLOW_RETRY
from . import signal_handlers
from .exit_handlers import ExitHandlers
from .randomness import RandomState
from .signal_handlers import SignalHandlers


@dataclass
class Forked:
    """Forks of a host that has imported the ``flow`` of a ``file``; ``resume`` continues in Metaflow's command line.

    ``random_state``, ``exits`` and ``signals``: what the import has set.
    """

    bounded = False
    file: str
    flow: Any
    resume: Callable[[], None]
    random_state: RandomState
    exits: ExitHandlers
    signals: SignalHandlers
    prelude: tuple[bytes, bytes]

    def start(
        self, argv: list[str], env: dict[str, str], stdout: int, stderr: int, ours: list[int]
    ) -> Process:
        """Fork; the child continues in Metaflow's command line, where the host stopped."""
        supervisor = getpid()
        pid = os.fork()
        if pid == 0:
            try:
                orphans.end_with(supervisor)
                _become_leader(stdout, stderr, ours)
                self.signals.set_child()
                self.exits.set_child()
                self.random_state.set_child()
                os.environ.update(env)
                sys.argv = [self.file, *argv]
                metadata_heartbeats.fork_of_task()
                clone_parameters.prepare(argv)
                trigger_context.prepare()
                compensation_step.prepare(self.flow)
                hidden_variables.prepare()
            except BaseException as error:
                sys.excepthook(type(error), error, error.__traceback__)
                os._exit(1)
            self.begin(argv)
        return Fork(pid)

    def begin(self, argv: list[str]) -> None:  # noqa: ARG002 - it is in sys.argv
        """Run the task to its end, in the forked process."""
        run_to_end(self.resume, lambda: True)


@dataclass
class Unloadable:
    """Starts processes that print the ``reason`` why the flow cannot be imported, and fail without a retry."""

    bounded = False
    reason: str
    prelude: tuple[bytes, bytes]

    def start(
        self,
        argv: list[str],  # noqa: ARG002 - of no use here
        env: dict[str, str],  # noqa: ARG002
        stdout: int,  # noqa: ARG002
        stderr: int,
        ours: list[int],  # noqa: ARG002
    ) -> Process:
        """See Starter."""
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                left = self.reason.encode("utf-8", errors="replace")
                while left:
                    left = left[os.write(stderr, left) :]
            finally:
                os._exit(EXIT_DISALLOW_RETRY)
        return Fork(pid)


def run_to_end(resume: Callable[[], None], is_task: Callable[[], bool]) -> None:
    """Run Metaflow's command line, and end the process as Python would; raise what it raises where it is no task."""
    code = 1
    try:
        resume()
        code = 0
    except BaseException as error:
        if not is_task():
            raise
        if isinstance(error, SystemExit):
            code = _exit_code(error)
        else:
            sys.excepthook(type(error), error, error.__traceback__)
    finally:
        if is_task():
            _leave(code)


def _become_leader(stdout: int, stderr: int, ours: list[int]) -> None:
    os.setpgid(0, 0)
    signal_handlers.reset_child()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    for fd in {null, stdout, stderr, *ours}:
        os.close(fd)


def _exit_code(left: SystemExit) -> int:
    if left.code is None:
        return 0
    if isinstance(left.code, int):
        return left.code & 0xFF
    print(left.code, file=sys.stderr)
    return 1


def _leave(code: int) -> None:
    try:
        interpreter_end.run()
    finally:
        os._exit(code)
