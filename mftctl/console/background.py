"""Output of commands that serve tasks, written by a thread of its own.

A stopped terminal, a pipe without a reader or a full disk must neither block the event loop, on which heartbeats
depend, nor fail a task. Output that does not fit into the buffer is dropped and counted.
"""

from __future__ import annotations

import atexit
import io
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

#: Size of the buffer in bytes.
LIMIT = 16 * 1024 * 1024
#: Bytes written at once.
_PART = 64 * 1024
#: Bytes of a line after which a framed line ends, whether a newline follows or not.
LINE = 256 * 1024
#: Makes a whole line of one without its newline; whether another process printed it.
Frame = Callable[[bytes, bool], bytes]
#: Seconds without progress after which the rest is given up at exit.
PATIENCE = 1.0


@contextmanager
def background(patience: float | None = PATIENCE, frame: Frame | None = None) -> Iterator[None]:
    """Write stdout and stderr in the background; ``frame`` gives each line its form.

    At the end, write what is left, until no byte was taken for ``patience`` seconds (None: without limit).
    """
    saved = sys.stdout, sys.stderr
    try:
        fds = [stream.fileno() for stream in saved]
    except (OSError, ValueError):  # replaced by a program that uses mftctl as a library
        yield
        return
    writer = Writer(LIMIT, fds[1], frame)
    streams = [_Stream(writer, stream, frame) for stream in saved]
    sys.stdout, sys.stderr = streams
    atexit.register(writer.drain, PATIENCE)  # if the process exits in between
    try:
        yield
    finally:
        sys.stdout, sys.stderr = saved
        for stream in streams:
            stream.close_inlet()
            stream.end_line()
        writer.drain(patience)
        atexit.unregister(writer.drain)


class Writer:
    """Writes to descriptors in order, with a buffer of ``limit`` bytes; ``report``: where it reports dropped lines."""

    def __init__(self, limit: int, report: int, frame: Frame | None = None) -> None:
        self._limit = limit
        self._report = report
        self._frame = frame
        self._state = threading.Condition()
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._size = 0
        self._written = 0
        self._lost = 0
        threading.Thread(target=self._work, name="mftctl-output", daemon=True).start()

    def put(self, fd: int, data: bytes) -> None:
        """Buffer the data, or drop it if it does not fit."""
        with self._state:
            if self._size + len(data) > self._limit:
                self._lost += data.count(b"\n")
                return
            self._waiting.append((fd, data))
            self._size += len(data)
            self._state.notify_all()

    def drain(self, patience: float | None) -> None:
        """Wait until all is written, or until nothing was for ``patience`` seconds."""
        with self._state:
            while self._size:
                before = self._written
                if not self._state.wait(patience) and self._written == before:
                    return

    def _work(self) -> None:
        while True:
            with self._state:
                while not self._waiting:
                    self._state.wait()
                fd, data = self._next()
            written = self._write(fd, data)
            with self._state:
                self._size -= len(data)
                lost, room = self._lost, self._size < self._limit // 2
                self._state.notify_all()
            if lost and written and room:
                note = f"mftctl: {lost:,} lines of output were dropped because nothing read them in time".encode()
                if self._write(self._report, self._frame(note, False) if self._frame else note + b"\n"):
                    with self._state:
                        self._lost -= lost

    def _next(self) -> tuple[int, bytes]:
        """The next data for one descriptor."""
        fd, data = self._waiting.popleft()
        parts, size = [data], len(data)
        while self._waiting and self._waiting[0][0] == fd and size < _PART:
            parts.append(self._waiting.popleft()[1])
            size += len(parts[-1])
        return fd, b"".join(parts)

    def _write(self, fd: int, data: bytes) -> bool:
        left = memoryview(data)
        while left:
            try:
                count = os.write(fd, left[:_PART])
            except BlockingIOError:
                select.select([], [fd], [], 1.0)
                continue
            except BrokenPipeError:  # the reader is gone
                return True
            except OSError:
                with self._state:
                    self._lost += bytes(left).count(b"\n")
                return False
            left = left[count:]
            with self._state:
                self._written += count
                self._state.notify_all()
        return True


class _Stream(io.TextIOBase):
    """A text stream that never blocks and never fails; child processes write to a pipe that a thread reads."""

    def __init__(self, writer: Writer, real: TextIO, frame: Frame | None) -> None:
        self._writer = writer
        self._real = real
        self._fd = real.fileno()
        self._frame = frame
        self._lines = self._line_buffer(foreign=False)
        self._inlet: int | None = None
        self._copying: threading.Thread | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._real.encoding

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._real.isatty()

    def write(self, text: str) -> int:
        self._lines.feed(text.encode(self._real.encoding, "backslashreplace"))
        return len(text)

    def flush(self) -> None:
        pass  # the thread writes as soon as it can

    def fileno(self) -> int:
        """A pipe for child processes, so that they do not block either."""
        if self._inlet is None:
            outlet, self._inlet = os.pipe()
            self._copying = threading.Thread(target=self._copy, args=(outlet,), daemon=True)
            self._copying.start()
        return self._inlet

    def close_inlet(self) -> None:
        """Read what child processes wrote; do not wait for one that keeps writing."""
        if self._inlet is not None and self._copying is not None:
            os.close(self._inlet)
            self._inlet = None
            self._copying.join(PATIENCE)

    def end_line(self) -> None:
        """Write a last line without a newline."""
        self._lines.end()

    def _line_buffer(self, *, foreign: bool) -> _Lines:
        return _Lines(lambda data: self._writer.put(self._fd, data), self._frame, foreign)

    def _copy(self, outlet: int) -> None:
        lines = self._line_buffer(foreign=True)
        with suppress(OSError), open(outlet, "rb", buffering=0) as source:
            while data := source.read(_PART):
                lines.feed(data)
        lines.end()


class _Lines:
    """Passes data on as it comes, or with a ``frame`` in whole lines; ``foreign``: other processes wrote it."""

    def __init__(self, put: Callable[[bytes], None], frame: Frame | None, foreign: bool) -> None:
        self._put = put
        self._frame = frame
        self._foreign = foreign
        self._begun = b""
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> None:
        if self._frame is None:
            self._put(data)
            return
        with self._lock:
            *lines, self._begun = (self._begun + data).split(b"\n")
            if len(self._begun) > LINE:
                lines, self._begun = [*lines, self._begun], b""
            for line in lines:
                self._put(self._frame(line, self._foreign))

    def end(self) -> None:
        if self._begun:
            self.feed(b"\n")
