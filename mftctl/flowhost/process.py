"""A task's process under watch: its output, its end, and what the worker says meanwhile."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from dataclasses import dataclass
from typing import Any, Callable, Optional

from .channel import Channel
from .tasks import Starter

#: Seconds between TERM and KILL for a task's process group: as the native runtime grants, and where the task runs on
#: another machine and a backend's client has to stop it there.
GRACE, GRACE_ELSEWHERE = 5.0, 30.0

#: Told what was read of which output (1 or 2).
OnOutput = Callable[[int, bytes], None]


@dataclass(frozen=True)
class Ended:
    """How a process ended: ``code`` as in ``Popen.returncode`` (-9: killed by signal 9).

    ``stopped``: because the worker asked for it. ``orphaned``: because the worker is gone. ``final``: the worker wants
    it to count as an end, not as a task to be run again.
    """

    code: int
    stopped: bool = False
    orphaned: bool = False
    final: bool = False


class Watch:
    """Follows one process at a time until it ends, and stops its group when the worker asks or is gone."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._wake, wake_write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_write, False)
        self._wake_write = wake_write
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self._stopped = self._orphaned = self._final = False

    def run(
        self,
        starter: Starter,
        argv: list[str],
        env: dict[str, str],
        on_output: OnOutput,
        tick: Callable[[], float],
        grace: float = GRACE,
    ) -> Ended:
        """Start the process and follow it; ``tick`` is called now and then and says in how many seconds again.

        ``grace``: seconds that it has to end in when it is stopped.
        """
        self._stopped = self._orphaned = self._final = False
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        ours = [out_read, err_read, self._wake, self._wake_write, self._channel.fileno()]
        pid = starter.start(argv, env, out_write, err_write, ours)
        with contextlib.suppress(OSError):  # it has done so itself, or is gone already
            os.setpgid(pid, pid)
        os.close(out_write)
        os.close(err_write)
        pipes = {out_read: 1, err_read: 2}
        for fd in pipes:
            os.set_blocking(fd, False)
        code = self._follow(pid, pipes, on_output, tick, grace)
        for fd, stream in list(pipes.items()):
            # A grandchild may hold the pipe open: take what is there, do not wait for its end.
            while _read(fd, stream, on_output):
                pass
        for fd in (out_read, err_read):
            os.close(fd)
        if self._stopped:
            # What the task has started goes with it; after an end of its own it is left alone, as `run` leaves it.
            signal_group(pid, signal.SIGKILL)
        return Ended(code, self._stopped, self._orphaned, self._final)

    def _follow(
        self, pid: int, pipes: dict[int, int], on_output: OnOutput, tick: Callable[[], float], grace: float
    ) -> int:
        open_pipes = dict(pipes)
        deadline: Optional[float] = None
        listening = True
        while True:
            wait = tick()
            if deadline is not None:
                wait = min(wait, max(0.0, deadline - time.monotonic()))
            watched: list[Any] = [*open_pipes, self._wake, *([self._channel] if listening else [])]
            readable, _, _ = select.select(watched, [], [], wait)
            for fd in [fd for fd in open_pipes if fd in readable]:
                if _read(fd, open_pipes[fd], on_output) is False:
                    del open_pipes[fd]
            if self._wake in readable:
                os.read(self._wake, 512)
            code = _poll(pid)
            if code is not None:
                return code
            if listening and self._channel in readable:
                self._hear()
                listening = not self._orphaned
                if deadline is None:
                    signal_group(pid, signal.SIGTERM)
                    deadline = time.monotonic() + grace
            if deadline is not None and time.monotonic() >= deadline:
                signal_group(pid, signal.SIGKILL)
                deadline = time.monotonic() + GRACE

    def _hear(self) -> None:
        message = self._channel.receive()
        self._stopped = True
        if message is None:
            self._orphaned = True
        else:
            self._final = bool(message.get("final"))


def _read(fd: int, stream: int, on_output: OnOutput) -> Optional[bool]:
    """True: something was read; None: nothing there now; False: the pipe has ended."""
    try:
        data = os.read(fd, 65536)
    except BlockingIOError:
        return None
    if not data:
        return False
    on_output(stream, data)
    return True


def _poll(pid: int) -> Optional[int]:
    done, status = os.waitpid(pid, os.WNOHANG)
    return None if done == 0 else os.waitstatus_to_exitcode(status)


def signal_group(pid: int, number: int) -> None:
    """Send a signal to a process that leads a group, and to all in it, as far as they are there."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):  # nobody is left in it (macOS: only zombies)
        return
