"""A task's output in Metaflow's log format (``metaflow/runtime.py``, ``Worker.emit_log``, ``TruncatedBuffer``)."""

from __future__ import annotations

import contextlib
from collections import deque
from datetime import datetime, timezone
from io import BytesIO
from time import monotonic  # its own, whatever the flow makes of it
from typing import Any, Callable

from metaflow.mflog import mflog

from ..protocol import Request

#: What `python flow.py run` keeps of each stream by default (--max-log-size 10, in megabytes).
MAX_BYTES = 10 * 1024 * 1024
SOURCE = "runtime"
#: Seconds between saves of a running task's logs: at first, and as a share of how long the task has run.
SAVE_EVERY, SAVE_SHARE = 3.0, 0.05
#: Last lines that are kept for the message of a failure, and bytes of each.
RECENT_LINES, RECENT_BYTES = 200, 4096
#: Bytes of a line that are shown while the task runs; its log has what `run` keeps of it.
SHOWN_BYTES = 1024 * 1024
#: Seconds that a task waits for a worker that takes none of its lines.
PATIENCE = 5.0

#: Takes lines as they come: the stream, and of each line its text and Unix time.
OnLines = Callable[[str, "list[tuple[str, float]]"], None]


class Stream:
    """One output stream of a task: lines come in as bytes, mflog lines go out.

    A line ends with a newline or with the stream, however long it is. What is held of it is bounded: a line that does
    not fit into the log is not kept, as with `run`, so no more of it is held than would fit.
    """

    def __init__(self, name: str, on_lines: OnLines | None) -> None:
        self.name = name
        self._on_lines = on_lines
        self._held = bytearray()
        self._length = 0
        self._buffer = BytesIO()
        self._size = 0
        self._full = False
        self._recent: deque[tuple[bytes, bool]] = deque(maxlen=RECENT_LINES)

    def feed(self, data: bytes) -> None:
        """Take what was read from the pipe."""
        *lines, rest = data.split(b"\n")
        if lines:
            self._hold(lines[0])
            lines[0], let_go = self._take()
            self._add([line + b"\n" for line in lines], let_go)
        self._hold(rest)

    def end(self) -> None:
        """The pipe is drained: a last line without a newline is a line too."""
        if self._length:
            line, let_go = self._take()
            self._add([line], let_go)

    def line(self, line: bytes, system: bool = False) -> None:
        """Take one line; ``system`` lines are the runtime's own and never cut off."""
        self._add([line], system=system)

    @property
    def size(self) -> int:
        """Bytes kept so far."""
        return self._buffer.tell()

    def content(self) -> BytesIO:
        """All that is kept, to be saved."""
        return BytesIO(self._buffer.getvalue())

    def tail(self, lines: int, remote: bool = False) -> list[str]:
        """The last lines of the task as people read them; ``remote``: those of them that a compute backend sent."""
        found = [text for text, sent in self._recent if sent or not remote]
        return [text.decode("utf-8", errors="replace") for text in found[-lines:]]

    def _hold(self, data: bytes) -> None:
        """Keep a part of an unfinished line, as far as anybody can want it."""
        # Two more: a mark of that length is taken from lines of a compute backend before they are kept.
        limit = SHOWN_BYTES if self._full else MAX_BYTES + 2
        self._held += data[: max(0, limit - len(self._held))]
        self._length += len(data)

    def _take(self) -> tuple[bytes, int]:
        """What is held of a line, and how many bytes of it are not."""
        held, let_go = bytes(self._held), self._length - len(self._held)
        self._held, self._length = bytearray(), 0
        return held, let_go

    def _add(self, lines: list[bytes], let_go: int = 0, system: bool = False) -> None:
        """Take whole lines; ``let_go`` bytes of the first one were not held."""
        shown = []
        if self._full and self._on_lines is None and not system:
            lines = lines[-RECENT_LINES:]
        for line in lines:
            now, plain = datetime.now(timezone.utc), line
            remote = mflog.is_structured(line)
            if remote:
                parsed = mflog.parse(line)
                if parsed:
                    # Lines that a task of a compute backend has saved itself, but for those marked as not yet saved.
                    now, plain = parsed.utc_tstamp.replace(tzinfo=timezone.utc), parsed.msg
                    if parsed.should_persist:
                        self._write(mflog.unset_should_persist(line), let_go, system)
            elif system or not self._full:
                self._write(mflog.decorate(SOURCE, line, now=now), let_go, system)
            if not system:
                self._recent.append((plain[:RECENT_BYTES].rstrip(b"\n"), remote))
            if self._on_lines is not None:
                shown.append((_text(plain, let_go), now.timestamp()))
            let_go = 0
        if self._on_lines is not None:
            self._on_lines(self.name, shown)

    def _write(self, data: bytes, let_go: int, system: bool) -> None:
        size = len(data) + let_go
        if system or (not self._full and self._size + size < MAX_BYTES):
            self._buffer.write(data)
            self._size += 0 if system else size
        elif not self._full:
            self._buffer.write(mflog.decorate(SOURCE, b"[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]\n"))
            self._full = True


class Output:
    """Both output streams of a process."""

    def __init__(self, on_lines: OnLines | None = None) -> None:
        self.stdout = Stream("stdout", on_lines)
        self.stderr = Stream("stderr", on_lines)
        self.streams = (self.stdout, self.stderr)

    @property
    def size(self) -> int:
        """Bytes kept so far."""
        return sum(stream.size for stream in self.streams)

    def end(self) -> None:
        """Both have ended."""
        for stream in self.streams:
            stream.end()

    def tail(self, lines: int, remote: bool = False) -> list[str]:
        """The last lines of each stream; see ``Stream.tail``."""
        return [line for stream in self.streams for line in stream.tail(lines, remote)]


def _text(line: bytes, let_go: int) -> str:
    beyond = max(0, len(line) - SHOWN_BYTES) + let_go
    text = line[:SHOWN_BYTES].strip().decode("utf-8", errors="replace")
    return f"{text} [and {beyond} bytes more]" if beyond else text


class LiveLines:
    """Sends a task's lines to the worker as they come. A worker that takes none holds the task up only for a while."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._left_out = 0

    def __call__(self, stream: str, lines: list[tuple[str, float]]) -> None:
        """Send lines; where that did not work before, a line that says so goes before them."""
        sent: list[Any] = list(lines)
        if self._left_out and lines:
            note = f"[{self._left_out} lines are not shown: they came faster than they were taken]"
            sent.insert(0, (note, lines[0][1]))
        # Where the worker is gone, the watch on its channel finds out and stops the task.
        with contextlib.suppress(OSError):
            if self._request.offer({"stream": stream, "lines": sent}, 0.0 if self._left_out else PATIENCE):
                self._left_out = 0
            else:
                self._left_out += len(lines)


class Saver:
    """Saves a task's output while it runs, rarely enough that a long log is not written over and over."""

    def __init__(self, datastore: Any, output: Output) -> None:
        self._datastore = datastore
        self._streams = output.streams
        self._began = self._saved = monotonic()
        self._sizes = [0, 0]

    def save_if_due(self) -> float:
        """Save when it is time and there is something new; the seconds until it is time again."""
        if self._due() == 0.0:
            self._saved = monotonic()
            if self._sizes != [stream.size for stream in self._streams]:
                with contextlib.suppress(
                    Exception
                ):  # the next one, at the latest the one at its end, has it all
                    self.save()
        return self._due()

    def save(self) -> None:
        """Save what there is."""
        self._datastore.save_logs(SOURCE, {stream.name: stream.content() for stream in self._streams})
        self._sizes = [stream.size for stream in self._streams]

    def _due(self) -> float:
        now = monotonic()
        return max(0.0, self._saved + max(SAVE_EVERY, SAVE_SHARE * (now - self._began)) - now)
