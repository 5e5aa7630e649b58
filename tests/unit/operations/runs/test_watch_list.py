"""`mftctl runs list --watch`: what is drawn, and what becomes of it while the server is away."""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from temporalio.service import RPCError, RPCStatusCode

from mftctl.console.output import Result
from mftctl.operations.command_options import Limited
from mftctl.operations.runs import redraw, watch_list
from mftctl.operations.runs.list_runs import RunFilter

WANTED = RunFilter(None, (), None, (), 20)


class Left(Exception):
    """The user has seen enough."""


def drawn(monkeypatch: pytest.MonkeyPatch, *reads: Result[Any] | Exception, quiet: bool = False) -> list[str]:
    """What is on a terminal of 40 columns after each of these reads of the list."""
    left, frames = [*reads, Left()], []

    async def read(*_: object) -> Result[Any]:
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def opened(*_: object) -> None: ...

    class Screen:
        def __init__(self, **_: object) -> None: ...

        def __enter__(self) -> Any:
            return SimpleNamespace(update=self.update)

        def __exit__(self, *_: object) -> None: ...

        def update(self, frame: Any, *, refresh: bool) -> None:
            assert refresh
            out = io.StringIO()
            Console(file=out, width=40).print(frame)
            frames.append(out.getvalue())

    monkeypatch.setattr(redraw, "INTERVAL", 0.0)
    monkeypatch.setattr(redraw, "Live", Screen)
    monkeypatch.setattr(watch_list, "can_draw", lambda _: True)
    monkeypatch.setattr(watch_list, "open_client", opened)
    monkeypatch.setattr(watch_list, "read_list", read)
    with pytest.raises(Left):
        asyncio.run(watch_list.watch_list(Limited(), WANTED, "text", quiet=quiet))
    return frames


def test_the_last_list_stays_while_the_server_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason, until the server answers again."""
    away = RPCError("gone", RPCStatusCode.UNAVAILABLE, b"")
    first, second, third = drawn(monkeypatch, Result([], "RUN one"), away, Result([], "RUN two"))
    assert "RUN one" in first
    assert "RUN one" in second
    assert "does not answer" in second
    assert "RUN two" in third
    assert "does not answer" not in third


def test_lines_are_cut_and_not_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names in brackets are no markup; notes are left out with --quiet."""
    found: Result[Any] = Result([], "RUN [red]x[/red]\n" + "long " * 20, notes=("a note",))
    (frame,) = drawn(monkeypatch, found)
    lines = frame.splitlines()
    assert lines[1:3] == ["a note", "RUN [red]x[/red]"]
    assert lines[3].endswith("…")
    (quiet,) = drawn(monkeypatch, found, quiet=True)
    assert "a note" not in quiet
