"""What an import opens and leaves open."""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import heap
from typing import Any

import pytest

from mftctl.interpreter.inside.host.descriptors import Descriptors


def mapped(*, keep: bool) -> Callable[[contextlib.ExitStack], Any]:
    """Map a file into memory, and leave it open or not."""

    def begin(held: contextlib.ExitStack) -> None:
        with contextlib.ExitStack() as brief:
            file = (held if keep else brief).enter_context(open(os.__file__, "rb"))
            held.enter_context(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))

    return begin


def pipe(held: contextlib.ExitStack) -> None:
    """Open a pipe."""
    for fd in os.pipe():
        held.callback(os.close, fd)


def bare(held: contextlib.ExitStack) -> None:
    """Open a file without a file object."""
    held.callback(os.close, os.open(os.__file__, os.O_RDONLY))


def shared(held: contextlib.ExitStack) -> None:
    """Memory of multiprocessing, for a Value or an Array."""
    arena = heap.Arena(4096)
    held.callback(os.close, os.dup(arena.fd))


def entered(make: Callable[[], Any]) -> Callable[[contextlib.ExitStack], Any]:
    """Open what ``make`` does."""
    return lambda held: held.enter_context(make())


LEFT = {
    "a file": (entered(lambda: open(os.__file__)), ["an open file (os.py)"]),  # noqa: SIM115
    "without an object": (bare, ["an open file (os.py)"]),
    "a file for others": (
        entered(lambda: tempfile.NamedTemporaryFile(prefix="made")),  # noqa: SIM115
        ["an open file (made"],
    ),
    "a pipe": (pipe, ["an open pipe"]),
    "a socket": (entered(socket.socket), ["an open socket"]),
    "memory": (shared, ["an open file"]),
    "nothing": (entered(lambda: open(os.devnull, "w")), []),  # noqa: SIM115
    "chance": (entered(lambda: open("/dev/urandom", "rb")), []),  # noqa: SIM115
    "mapped": (mapped(keep=False), []),
    "mapped and open": (mapped(keep=True), ["an open file (os.py)"]),
}


@pytest.mark.skipif(
    sys.platform != "linux", reason="names of open files, and which are mapped, are told by /proc"
)
@pytest.mark.parametrize(("begin", "expected"), LEFT.values(), ids=LEFT)
def test_what_is_left_open(begin, expected):
    """Forks would share a file's position, locks and content; not what is the same for all, or only mapped."""
    with contextlib.ExitStack() as held:
        before = Descriptors()
        begin(held)
        found = before.problems()
        assert len(found) == len(expected)
        assert all(
            one.startswith(start) and "deleted" not in one for one, start in zip(found, expected, strict=True)
        )


def test_a_number_that_has_another_file_counts(tmp_path):
    """A descriptor that was there before, closed and opened anew for something else, is the import's."""
    fd = os.open(os.devnull, os.O_RDONLY)
    before = Descriptors()
    os.close(fd)
    again = os.open(tmp_path / "data", os.O_CREAT)
    assert again == fd
    assert before.problems() == ["an open file (data)"]
    os.close(fd)
    assert before.problems() == []
