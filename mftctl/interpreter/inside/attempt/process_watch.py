"""A task's process under watch: its output, its end, and the worker's request to stop it."""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic, sleep  # their own, whatever the flow makes of them
from typing import Optional

from ..channel import Channel
from .limits import Limits, Usage
from .logs import Output, Saver, Stream
from .task_process import Process, Starter

#: Seconds between TERM and KILL for a task's process group: as the native runtime grants, and where the task runs on
#: another machine and a backend's client has to stop it there.
GRACE, GRACE_ELSEWHERE = 5.0, 30.0
#: Bytes of output that are read at once.
_CHUNK = 65536
#: Seconds between looks at a process whose output is not saved while it runs.
_LOOK_EVERY = 60.0
NO_LIMITS = Limits()
#: Seconds between two looks whether the worker is still there, and seconds for all that is left to do once it is gone:
#: Metaflow may wait for a store that does not answer for minutes.
ORPHAN_LOOK, ORPHAN_LIMIT = 5, 60


@dataclass(frozen=True)
class ProcessEnd:
    """How a process ended: ``code`` as in ``Popen.returncode`` (-9: killed by signal 9).

    ``stopped``: the worker requested it, or (``orphaned``) is gone. ``cancelled``: its task was cancelled, and does not
    run again. ``ran``: seconds from its start to its end; None: it was not started. ``exceeded``: the limit for which
    it was stopped, in words.
    """

    code: int
    stopped: bool = False
    orphaned: bool = False
    cancelled: bool = False
    ran: Optional[float] = None
    exceeded: str = ""


class Watch:
    """Follows one process at a time until it ends; stops its group when the worker requests it or is gone."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._wake, wake_write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_write, False)
        self._wake_write = wake_write
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self.begin(0)

    def begin(self, number: Optional[int]) -> None:
        """Begin the request with this number: only a stop of it counts from now on."""
        self._number = number
        self._stopped = self._orphaned = self._cancelled = False
        self._exceeded = ""

    @contextmanager
    def orphan_ends_soon(self) -> Iterator[None]:
        """End this process in ORPHAN_LIMIT seconds, whatever it waits for, if the worker goes while this runs."""

        def look(*_: object) -> None:
            if self._channel.hung_up():
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(ORPHAN_LIMIT)

        signal.signal(signal.SIGALRM, look)
        signal.setitimer(signal.ITIMER_REAL, ORPHAN_LOOK, ORPHAN_LOOK)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def run(
        self,
        starter: Starter,
        argv: list[str],
        env: dict[str, str],
        output: Output,
        saver: Optional[Saver] = None,
        grace: float = GRACE,
        limits: Limits = NO_LIMITS,
    ) -> ProcessEnd:
        """Start the process and follow it to its end, which is that of its ``output``; ``saver`` saves that meanwhile.

        ``grace``: seconds that it has to end in when it is stopped. It is stopped, too, when it exceeds ``limits``.
        OSError when it cannot be started.
        """
        if self._read_requests():
            output.end()
            return ProcessEnd(-signal.SIGTERM, True, self._orphaned, self._cancelled)
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        try:
            ours = [out_read, err_read, self._wake, self._wake_write, self._channel.fileno()]
            try:
                process = starter.start(argv, env, out_write, err_write, ours)
            finally:
                _close(out_write, err_write)
            started = monotonic()
            with suppress(OSError):  # it has done so itself, or is gone already
                os.setpgid(process.pid, process.pid)
            with suppress(OSError):  # the worker is gone, which is found below
                # Who ends the task if this process is killed: the kernel ends only the leader of its group.
                self._channel.send({"number": self._number, "event": {"group": process.pid}})
            pipes = {out_read: output.stdout, err_read: output.stderr}
            for fd in pipes:
                os.set_blocking(fd, False)
            try:
                code = self._follow(process, pipes, saver, grace, Usage(limits, process.pid))
                ran = monotonic() - started
            except BaseException:
                signal_group(process.pid, signal.SIGKILL)
                while process.poll() is None:
                    sleep(0.01)
                raise
            for fd, stream in pipes.items():
                _drain(fd, stream)
        finally:
            _close(out_read, err_read)
        output.end()
        if self._stopped or self._exceeded:
            # What the task has started goes with it; after an end of its own it is left alone, as `run` leaves it.
            signal_group(process.pid, signal.SIGKILL)
        return ProcessEnd(code, self._stopped, self._orphaned, self._cancelled, ran, self._exceeded)

    def _follow(
        self,
        process: Process,
        pipes: dict[int, Stream],
        saver: Optional[Saver],
        grace: float,
        usage: Usage,
    ) -> int:
        deadline: Optional[float] = None
        # It has no descriptor of its own and, unlike select, no limit on the numbers of others.
        with selectors.PollSelector() as watched:
            for fd in (*pipes, self._wake, self._channel.fileno()):
                watched.register(fd, selectors.EVENT_READ)
            while True:
                wait = _LOOK_EVERY if saver is None else saver.save_if_due()
                wait = min(wait, usage.wait() if deadline is None else max(0.0, deadline - monotonic()))
                for key, _ in watched.select(wait):
                    if not self._take(key.fd, pipes):
                        watched.unregister(key.fd)
                code = process.poll()
                if code is not None:
                    return code
                if not (self._stopped or self._exceeded):
                    self._exceeded = usage.exceeded()
                deadline = self._stop(process, deadline, grace)

    def _take(self, fd: int, pipes: dict[int, Stream]) -> bool:
        """Take what has come over a descriptor; False when it has ended."""
        if fd in pipes:
            return _read(fd, pipes[fd]) != 0
        if fd == self._wake:
            os.read(fd, 512)
            return True
        self._read_requests()
        return not self._channel.ended

    def _stop(self, process: Process, deadline: Optional[float], grace: float) -> Optional[float]:
        """Signal a process that has to stop; until when it has time for that."""
        stopping = self._stopped or self._exceeded
        if not stopping or (deadline is not None and monotonic() < deadline):
            return deadline
        signal_group(process.pid, signal.SIGTERM if deadline is None else signal.SIGKILL)
        return monotonic() + (grace if deadline is None else GRACE)

    def _read_requests(self) -> bool:
        """Read the worker's requests; whether to stop what runs now. Nothing but a stop of it counts."""
        for message in self._channel.arrived():
            if message.get("kind") == "stop" and message.get("of") == self._number:
                self._stopped = True
                self._cancelled = bool(message.get("cancelled"))
        if self._channel.ended:
            self._stopped = self._orphaned = True
            self._cancelled = False
        return self._stopped


def _close(*fds: int) -> None:
    for fd in fds:
        with suppress(OSError):  # a forked task has closed it already
            os.close(fd)


def _read(fd: int, stream: Stream, most: int = _CHUNK) -> Optional[int]:
    """How many bytes were read; None: nothing there now; 0: the pipe has ended."""
    try:
        data = os.read(fd, most)
    except BlockingIOError:
        return None
    if data:
        stream.feed(data)
    return len(data)


def _drain(fd: int, stream: Stream) -> None:
    """Read what an ended process has left in its pipe, and not what others who hold the pipe write from now on."""
    (left,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    while left > 0 and (read := _read(fd, stream, min(left, _CHUNK))):
        left -= read


def signal_group(pid: int, number: int) -> None:
    """Send a signal to a process that leads a group, and to all in it, as far as they are there."""
    with suppress(ProcessLookupError, PermissionError):  # nobody is left in it (macOS: only zombies)
        os.killpg(pid, number)
