"""Output in the background: whatever becomes of it, whoever writes does not wait and does not fail."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mftctl.console.background import Writer

ROOT = Path(__file__).resolve().parents[3]
#: A program that writes 10,000 lines (10 MB) to a stream in the background, and then says so in a file.
LINES = """
import pathlib, subprocess, sys
from mftctl.console.background import background
with background({patience}):
    for number in range(10_000):
        print(f"line {{number}} of the program".ljust(1000), file={stream})
    {more}
    pathlib.Path({done!r}).touch()
"""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def read_all(fd: int) -> bytes:
    os.set_blocking(fd, False)
    found = b""
    while True:
        try:
            found += os.read(fd, 1 << 20)
        except BlockingIOError:
            return found


def program(done: Path, stream: str = "sys.stderr", patience: str = "0.2", more: str = "pass") -> list[str]:
    return [sys.executable, "-c", LINES.format(stream=stream, patience=patience, done=str(done), more=more)]


def test_lines_are_written_in_order(pipe: tuple[int, int]) -> None:
    """All that is given is there after a drain."""
    out, into = pipe
    writer = Writer(1 << 20, into)
    given = [f"line {number}\n".encode() for number in range(1000)]
    for line in given:
        writer.put(into, line)
    writer.drain(None)
    assert read_all(out) == b"".join(given)


def test_what_nobody_reads_is_dropped_with_a_count(pipe: tuple[int, int]) -> None:
    """No more than the limit waits, nobody does; once somebody reads, the number of lost lines is said."""
    out, into = pipe
    line = b"x" * 99 + b"\n"
    writer = Writer(100_000, into)
    began = time.monotonic()
    for _ in range(5000):
        writer.put(into, line)
    writer.drain(0.05)
    assert time.monotonic() - began < 5
    seen, later = b"", 0
    while b"were dropped" not in seen:
        later += 1
        seen += read_all(out)
        later += 1  # one that finds no room is counted, too
        os.set_blocking(out, True)
        writer.put(into, b"later\n")
        writer.drain(0.05)
    lines = seen.splitlines()
    lost = int(next(one for one in lines if b"dropped" in one).split()[1].replace(b",", b""))
    assert 5000 <= lost + lines.count(line.strip()) <= 5000 + later
    assert lines.count(line.strip()) >= 1000


def test_a_full_disk_is_no_error(pipe: tuple[int, int]) -> None:
    """Lines that cannot be written are gone, and later ones are tried."""
    with open("/dev/full", "wb", buffering=0) as full:
        writer = Writer(1 << 20, full.fileno())
        for _ in range(10):
            writer.put(full.fileno(), b"line\n")
            writer.drain(None)
    out, into = pipe
    writer.put(into, b"later\n")
    writer.drain(None)
    assert read_all(out) == b"later\n"


@pytest.mark.parametrize("stream", ["sys.stdout", "sys.stderr"])
def test_a_program_whose_output_stands_still_goes_on(tmp_path: Path, stream: str) -> None:
    """With a pipe that nobody reads, it comes to its end, and leaves."""
    done = tmp_path / "done"
    process = subprocess.Popen(
        program(done, stream), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    assert process.wait(60) == 0
    assert done.exists()
    process.stdout.close()  # type: ignore[union-attr]
    process.stderr.close()  # type: ignore[union-attr]


def test_a_slow_reader_gets_all_of_it(tmp_path: Path) -> None:
    """Where the output is the command's, it waits for its reader in the end; children's words are among it."""
    child = "subprocess.run([sys.executable, '-c', 'print(\"a child\")'], stdout=sys.stderr.fileno())"
    words = program(tmp_path / "done", patience="None", more=child)
    process = subprocess.Popen(words, stderr=subprocess.PIPE, cwd=ROOT)
    assert process.stderr is not None
    lines = 0
    child_told = False
    with process.stderr as reader:
        for line in reader:
            lines += line.startswith(b"line")
            child_told = child_told or line == b"a child\n"
    assert process.wait(60) == 0
    assert (lines, child_told) == (10_000, True)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_opened_before_anything_else(closed: str) -> None:
    """No file or connection gets the number of a standard stream."""
    code = (
        "import os\n"
        "from mftctl.__main__ import _open_closed\n"
        "_open_closed()\n"
        "taken = os.open('/', os.O_RDONLY)\n"
        "print('hello', flush=True)\n"
        "os._exit(0 if taken > 2 else 1)"
    )
    words = f'exec {sys.executable} -c "$0" {closed}'
    assert (
        subprocess.run(["sh", "-c", words, code], cwd=ROOT, check=False, stdin=subprocess.DEVNULL).returncode
        == 0
    )


def test_each_line_gets_its_form() -> None:
    """Also a line that is written in parts, that no newline ends, or that another process prints; no line is mixed."""
    code = """
import subprocess, sys
from mftctl.console.background import background
def frame(line, foreign):
    return b"<" + line + (b"> theirs" if foreign else b">") + bytes([10])
with background(frame=frame):
    print("one", "two", file=sys.stderr)
    sys.stderr.write("par")
    subprocess.run([sys.executable, "-c", "print('child'); print('end', end='')"], stdout=sys.stderr)
    sys.stderr.write("ts" + chr(10) + "last")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted(done.stderr.splitlines()) == [
        "<child> theirs",
        "<end> theirs",
        "<last>",
        "<one two>",
        "<parts>",
    ]
