"""How a supervisor starts the process of a task, and how it waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Optional, Protocol

from .. import BOOT


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


@dataclass
class Fork:
    """A child that was forked."""

    pid: int

    def poll(self) -> Optional[int]:
        """See Process."""
        done, status = os.waitpid(self.pid, os.WNOHANG)
        return None if done == 0 else os.waitstatus_to_exitcode(status)


@dataclass
class Spawned:
    """New processes of this interpreter, each in a ``mode`` of boot.py."""

    bounded = True
    prelude = (b"", b"")
    file: str
    mode: str = "flow"

    def start(
        self,
        argv: list[str],
        env: dict[str, str],
        stdout: int,
        stderr: int,
        ours: list[int],  # noqa: ARG002 - a new program has none of them
    ) -> Process:
        """Start the flow's file through boot.py, which finds metaflow and the package as the host does."""
        command = [sys.executable, "-u", BOOT, self.mode, self.file, *argv]
        return subprocess.Popen(
            command,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
