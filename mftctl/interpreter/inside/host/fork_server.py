"""Forks a supervisor for each socket that the worker passes to its host."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import traceback
from select import poll  # its own, whatever the flow makes of it
from typing import NoReturn, Optional

from ....model.errors import MftctlError
from ....model.manifest import Launch
from .. import protocol
from ..attempt import supervisor
from ..attempt.task_process import Starter
from ..channel import Channel
from . import started_flow
from .task_forks import Forked


def serve(
    request: protocol.Request,
    launch: Launch,
    starter: Starter,
    files: Optional[dict[str, tuple[int, int]]] = None,
    broken: bool = False,
    started: Optional[Forked] = None,
) -> NoReturn:
    """Answer the worker's request, fork a supervisor for each socket, and exit when the worker is gone.

    ``files``: what the import has read (``own_code.imported``); the worker starts a new host when it changes.
    ``broken``: the import failed, and may succeed in another host. ``started``: forks of the flow for supervisors that
    start its command line once for all of their tasks (``started_flow``).
    """
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request.answer({"files": files or {}, "broken": broken, "startable": started is not None})
    channel = request.channel
    refused: list[Channel] = []
    while True:
        data, fds, _, _ = socket.recv_fds(channel.sock, 1, 1)
        _reap()
        refused = _close_released(refused)
        if not data or not fds:
            # The worker is gone. Python runs the exit handlers of the flow's import.
            sys.exit(0)
        try:
            pid = os.fork()
        except OSError as error:
            # Later, or with another worker, the task may find more processes or memory.
            refused.append(_refuse(fds[0], f"no process can be forked: {error.strerror}"))
            continue
        if pid == 0:
            for other in (channel, *refused):
                other.close()
            _supervise(fds[0], launch, starter, started if data == protocol.STARTED else None)
        os.close(fds[0])


def _supervise(fd: int, launch: Launch, starter: Starter, started: Optional[Forked]) -> NoReturn:
    channel = Channel.of_fd(fd)

    def answer(starter: Starter) -> NoReturn:
        try:
            supervisor.serve(channel, launch, starter)
        except (BrokenPipeError, ConnectionResetError):  # the worker is gone: nobody waits for the result
            pass
        except started_flow.TaskBegins:
            channel.sock.detach()  # a forked task has closed its descriptor
            raise
        except BaseException:
            traceback.print_exc()
        os._exit(0)

    if started is not None:
        started_flow.serve(started, launch, answer)
    answer(starter)


def _refuse(fd: int, reason: str) -> Channel:
    """Reply with an error to whatever is requested through a socket.

    The socket stays open until the worker closes it: a worker that has yet to send its request would lose the reply.
    """
    channel = Channel.of_fd(fd)
    with contextlib.suppress(OSError):  # the worker has closed it
        protocol.refuse(channel, MftctlError(reason))
    return channel


def _close_released(refused: list[Channel]) -> list[Channel]:
    """Close the sockets that the worker has closed; the others."""
    watch = poll()
    for channel in refused:
        watch.register(channel, 0)  # a hang-up is always reported
    gone = {fd for fd, _ in watch.poll(0)}
    held = [channel for channel in refused if channel.fileno() not in gone]
    for channel in refused:
        if channel not in held:
            channel.close()
    return held


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return
