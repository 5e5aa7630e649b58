"""How a supervisor starts the process of a task: a fork of the warm host, or a new process of the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from os import getpid  # its own, whatever the flow makes of it
from typing import Any, Callable, Optional, Protocol

from .. import BOOT
from ..host import exit_handlers, signal_handlers, stacks
from ..host.randomness import RandomState
from ..host.signal_handlers import SignalHandlers
from ..task import clone_parameters, compensation_step, hidden_variables, trigger_context
from . import metadata_heartbeats, orphans


class Process(Protocol):
    """A child process that nobody else waits for."""

    @property
    def pid(self) -> int:
        """Its id, and that of its process group."""
        ...

    def poll(self) -> Optional[int]:
        """Its end, as in ``Popen.returncode``; None while it runs."""
        ...


class Starter(Protocol):
    """Starts a process that runs the flow's command line, as leader of a process group of its own."""

    #: Whether arguments go through the kernel, which bounds their length.
    bounded: bool
    #: What the import of the flow printed to stdout and stderr; each task prints it, as it does under `run`.
    prelude: tuple[bytes, bytes]

    def start(
        self, argv: list[str], env: dict[str, str], stdout: int, stderr: int, ours: list[int]
    ) -> Process:
        """Start it. ``ours`` are descriptors of the caller that the task must not keep open.

        OSError when there can be no process (EAGAIN, ENOMEM).
        """
        ...


class Fork:
    """A child that was forked."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> Optional[int]:
        """See Process."""
        done, status = os.waitpid(self.pid, os.WNOHANG)
        return None if done == 0 else os.waitstatus_to_exitcode(status)


class Forked:
    """Forks of a host that has imported the flow."""

    bounded = False

    def __init__(
        self,
        file: str,
        flow: Any,
        resume: Callable[[], None],
        random_state: RandomState,
        signals: SignalHandlers,
        prelude: tuple[bytes, bytes] = (b"", b""),
    ) -> None:
        self.prelude = prelude
        self._file = file
        self._flow = flow
        self._resume = resume
        self._random_state = random_state
        self._signals = signals

    def start(
        self, argv: list[str], env: dict[str, str], stdout: int, stderr: int, ours: list[int]
    ) -> Process:
        """Fork; the child goes on into Metaflow's command line where the host stopped."""
        supervisor = getpid()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                orphans.end_with(supervisor)
                _become_leader(stdout, stderr, ours)
                self._signals.set_child()
                exit_handlers.reset()
                self._random_state.set_child()
                os.environ.update(env)
                sys.argv = [self._file, *argv]
                metadata_heartbeats.fork_of_task()
                clone_parameters.prepare(argv)
                trigger_context.prepare()
                compensation_step.prepare(self._flow)
                hidden_variables.prepare()
                self._resume()
                code = 0
            except SystemExit as left:
                code = _exit_code(left)
            except BaseException:
                sys.excepthook(*stacks.uncaught())
            finally:
                _leave(code)
        return Fork(pid)


class Spawned:
    """New processes of this interpreter, each in a ``mode`` of boot.py."""

    bounded = True
    prelude = (b"", b"")

    def __init__(self, file: str, mode: str = "flow") -> None:
        self._file = file
        self._mode = mode

    def start(
        self,
        argv: list[str],
        env: dict[str, str],
        stdout: int,
        stderr: int,
        ours: list[int],  # noqa: ARG002 - a new program has none of them
    ) -> Process:
        """Start the flow's file through boot.py, which finds metaflow and the package as the host does."""
        command = [sys.executable, "-u", BOOT, self._mode, self._file, *argv]
        return subprocess.Popen(
            command,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )


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
        exit_handlers.run()
    finally:
        os._exit(code)
