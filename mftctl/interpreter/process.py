"""Starts the flow's interpreter with boot.py and a socket to talk through. Runs in the process that asks for it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping

from ..model.errors import MftctlError
from .inside import BOOT


def start(
    python: str,
    mode: str,
    channel: socket.socket,
    env: Mapping[str, str],
    *,
    cwd: str | None = None,
    apart: bool = False,
    output: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``boot.py`` in a ``mode`` with one end of a socket; what it prints goes to our stderr.

    Its folder comes first on PATH, since Metaflow starts plain `python` (@parallel, @card). ``apart``: out of reach of
    the terminal's signals. ``output``: a file for what it prints, in place of our stderr. MftctlError when there is no
    such interpreter.
    """
    target = sys.stderr.fileno() if output is None else output
    path = os.pathsep.join([os.path.dirname(python), os.environ.get("PATH", os.defpath)])
    try:
        return subprocess.Popen(
            [python, "-u", BOOT, mode, str(channel.fileno())],
            env={**os.environ, **env, "PATH": path},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=target,
            stderr=target,
            pass_fds=[channel.fileno()],
            start_new_session=apart,
        )
    except OSError as error:
        if cwd is not None and not os.path.isdir(cwd):
            raise MftctlError(
                f"the folder that the run was started in is not there any more: {cwd}", code="folder.missing"
            ) from error
        raise MftctlError(
            f"the flow's interpreter {python} does not start: {error.strerror}",
            code="python.missing",
            hint="name another with --python, or install it on this machine",
        ) from error


def end(process: subprocess.Popen[bytes]) -> None:
    """End one that was started ``apart`` now, with what it has started itself, if it has not ended."""
    from .inside.attempt.watch import signal_group

    if process.poll() is None:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()
