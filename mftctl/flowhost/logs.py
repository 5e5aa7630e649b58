"""A task's output in Metaflow's log format (``metaflow/runtime.py``, ``Worker.emit_log``, ``TruncatedBuffer``)."""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime, timezone
from io import BytesIO
from typing import Any, Callable

from metaflow.mflog import mflog

#: What `python flow.py run` keeps of each stream by default (--max-log-size 10, in megabytes).
MAX_BYTES = 10 * 1024 * 1024
SOURCE = "runtime"
#: Seconds between saves of a running task's logs: at first, and as a share of how long the task has run.
SAVE_EVERY, SAVE_SHARE = 3.0, 0.05
#: Last lines that are kept to tell of a failure, and bytes of each.
RECENT_LINES, RECENT_BYTES = 200, 4096

#: Told each line: stream, text, Unix time.
OnLine = Callable[[str, str, float], None]


class Stream:
    """One output stream of a task: lines come in as bytes, mflog lines go out."""

    def __init__(self, name: str, on_line: OnLine | None) -> None:
        self.name = name
        self._on_line = on_line
        self._partial = b""
        self._buffer = BytesIO()
        self._size = 0
        self._full = False
        self._recent: deque[tuple[bytes, bool]] = deque(maxlen=RECENT_LINES)

    def feed(self, data: bytes) -> None:
        """Take what was read from the pipe."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self.line(line + b"\n")

    def end(self) -> None:
        """The pipe is drained: a last line without a newline is a line too."""
        if self._partial:
            self.line(self._partial)
            self._partial = b""

    def line(self, line: bytes, system: bool = False) -> None:
        """Take one line; ``system`` lines are the runtime's own and never cut off."""
        now, plain = datetime.now(timezone.utc).replace(tzinfo=None), line
        remote = mflog.is_structured(line)
        if remote:
            parsed = mflog.parse(line)
            if parsed:
                # Lines that a task of a compute backend has saved itself, but for those marked as not yet saved.
                now, plain = parsed.utc_tstamp, parsed.msg
                if parsed.should_persist:
                    self._write(mflog.unset_should_persist(line), system)
        else:
            self._write(mflog.decorate(SOURCE, line, now=now), system)
        if not system:
            self._recent.append((plain.rstrip(b"\n")[:RECENT_BYTES], remote))
        if self._on_line is not None:
            text = plain.strip().decode("utf-8", errors="replace")
            self._on_line(self.name, text, now.replace(tzinfo=timezone.utc).timestamp())

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

    def _write(self, data: bytes, system: bool) -> None:
        if system or (not self._full and self._size + len(data) < MAX_BYTES):
            self._buffer.write(data)
            self._size += 0 if system else len(data)
        elif not self._full:
            self._buffer.write(mflog.decorate(SOURCE, b"[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]\n"))
            self._full = True


class Saver:
    """Saves a task's streams while it runs, rarely enough that a long log is not written over and over."""

    def __init__(self, datastore: Any, streams: tuple[Stream, ...]) -> None:
        self._datastore = datastore
        self._streams = streams
        self._began = self._saved = time.monotonic()
        self._sizes = (0,) * len(streams)

    def due(self) -> float:
        """Seconds until the next save is due."""
        now = time.monotonic()
        return max(0.0, self._saved + max(SAVE_EVERY, SAVE_SHARE * (now - self._began)) - now)

    def save_if_due(self) -> None:
        """Save when it is time and there is something new."""
        if self.due() == 0.0:
            self._saved = time.monotonic()
            if self._sizes != tuple(stream.size for stream in self._streams):
                self.save()

    def save(self) -> None:
        """Save what there is."""
        self._sizes = tuple(stream.size for stream in self._streams)
        self._datastore.save_logs(SOURCE, {stream.name: stream.content() for stream in self._streams})
