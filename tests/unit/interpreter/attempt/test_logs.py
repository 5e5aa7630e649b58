"""A task's output on its way into its log and to the worker: what `run` keeps, in bounded memory."""

from __future__ import annotations

import random
import re
import socket
import tracemalloc

import pytest
from metaflow.mflog import mflog
from metaflow.runtime import TruncatedBuffer

from mftctl.interpreter.inside.attempt import logs
from mftctl.interpreter.inside.attempt.logs import MAX_BYTES, SHOWN_BYTES, LiveLines, Output, Saver, Stream
from mftctl.interpreter.inside.channel import Channel
from mftctl.interpreter.inside.protocol import Request

#: Bytes that are read from a pipe at once.
CHUNK = 65536


@pytest.mark.parametrize(
    "sizes", [(0, 1, 80), (MAX_BYTES - 200, 300, 5), (3 * MAX_BYTES, 10), (1000,) * 12_000]
)
@pytest.mark.parametrize("live", [False, True])
def test_the_log_is_that_of_run(sizes, live):
    """Lines of any length, whole or in pieces: what is kept, and where it is cut, is what Metaflow's own buffer has."""
    dice = random.Random(1)  # noqa: S311 - sizes, not secrets
    output = b"\n".join(bytes([97 + n % 26]) * size for n, size in enumerate(sizes))
    stream = Stream("stdout", (lambda _, __: None) if live else None)
    at = 0
    while at < len(output):
        size = dice.randint(1, CHUNK)
        stream.feed(output[at : at + size])
        at += size
    stream.end()
    reference = TruncatedBuffer("stdout", MAX_BYTES)
    for line in output.splitlines(keepends=True):
        reference.write(mflog.decorate(b"runtime", line))
    stream.line(b"Task failed.", system=True)
    reference.write(mflog.decorate(b"runtime", b"Task failed."), system_msg=True)
    assert _bare(stream.content().getvalue()) == _bare(reference.get_bytes())


@pytest.mark.parametrize("live", [False, True])
def test_output_without_a_newline_is_held_within_bounds(live):
    """Of 128 MiB on one line no more is held than the log could take; the worker is told 1 MiB and the rest's size."""
    shown = []
    stream = Stream("stdout", (lambda _, lines: shown.extend(lines)) if live else None)
    piece = b"x" * CHUNK
    tracemalloc.start()
    for _ in range(128 * 16):
        stream.feed(piece)
    stream.feed(b"\nthe next\n")
    stream.end()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * MAX_BYTES
    assert _bare(stream.content().getvalue()) == b"[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]\n"
    assert stream.tail(1) == ["the next"]
    if live:
        rest = 128 * 1024 * 1024 + 1 - SHOWN_BYTES
        assert [text for text, _ in shown] == ["x" * SHOWN_BYTES + f" [and {rest} bytes more]", "the next"]


def test_a_worker_that_takes_no_lines_does_not_hold_the_task_up(monkeypatch):
    """After a moment's patience its lines are left out, which is said once it takes some again; no message is torn."""
    monkeypatch.setattr(logs, "PATIENCE", 0.05)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        live = LiveLines(Request(Channel(ours), 3, "run", {}))
        stream = Stream("stdout", live)
        for n in range(200):
            stream.feed(b"%d " % n + b"y" * CHUNK + b"\n")
        worker = Channel(theirs)
        told = []
        while not told or "again" not in told[-1]["event"]["lines"][-1]:
            told += worker.arrived()
            stream.feed(b"again\n")
    lines = [text for message in told for text, _ in message["event"]["lines"]]
    numbers = [int(line.split()[0]) for line in lines if line.endswith("y")]
    assert numbers == list(range(len(numbers)))
    assert lines[-1] == "again"
    left_out = 200 - len(numbers)
    assert left_out > 100
    assert f"[{left_out} lines are not shown: they came faster than they were taken]" in lines
    assert {message["number"] for message in told} == {3}
    assert len(stream.content().getvalue()) > 9 * 1024 * 1024


def test_a_save_that_fails_while_the_task_runs_stops_nothing(monkeypatch):
    """The next save has what that one missed; only the last one, when the task has ended, may fail."""
    monkeypatch.setattr(logs, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(logs, "SAVE_SHARE", 0.0)
    problems, saved = [OSError("no space left on device")], []

    class Datastore:
        def save_logs(self, *given):
            if problems:
                raise problems.pop()
            saved.append(given[1]["stdout"].read())

    output = Output()
    saver = Saver(Datastore(), output)
    output.stdout.feed(b"hello\n")
    saver.save_if_due()
    assert saved == []
    saver.save_if_due()
    assert mflog.parse(saved[0]).msg == b"hello"
    problems.append(OSError("no space left on device"))
    with pytest.raises(OSError, match="no space"):
        saver.save()


def _bare(log: bytes) -> bytes:
    """A log without the times and ids of its lines."""
    return re.sub(rb"\[MFLOG\|[^]]*\]", b"", log)
