"""How `mftctl run` gets its Temporal server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mftctl.control.connection import connect
from mftctl.local import devserver
from mftctl.model.errors import UnreachableError
from mftctl.operations.command_options import Connection
from mftctl.operations.runs import run_flow
from mftctl.profiles import Profile


class Start:
    """An embedded server that starts; ``number``: which one."""

    def __init__(self, number: int) -> None:
        self.address, self.ui, self.released = f"127.0.0.1:{number}", "", False

    def lease(self) -> Any:
        return self

    def release(self) -> None:
        self.released = True


@pytest.mark.parametrize(
    ("answers", "code", "starts_most"),
    [
        (1, "", run_flow.STARTS),
        (2, "", run_flow.STARTS),
        (run_flow.STARTS, "", run_flow.STARTS),
        (run_flow.STARTS + 1, "", run_flow.STARTS),
        (2, "temporal.namespace", 1),
    ],
)
def test_a_server_that_ends_as_soon_as_it_is_there_is_started_again(
    monkeypatch: pytest.MonkeyPatch, answers: int, code: str, starts_most: int
) -> None:
    """Not for ever, and not for a namespace that it does not have."""
    starts: list[Start] = []

    def opened(*_: Any) -> Any:
        starts.append(Start(len(starts) + 1))
        return starts[-1]

    async def connected(where: Any, *_: Any) -> str:
        if int(where.address.rpartition(":")[2]) < answers:
            raise UnreachableError("refused", code=code)
        return str(where.address)

    monkeypatch.setattr(devserver, "open_server", opened)
    monkeypatch.setattr(connect, "connect", connected)
    asked = run_flow._connect(opened(), Connection(), Profile())
    if answers > starts_most:
        with pytest.raises(UnreachableError):
            asyncio.run(asked)
    else:
        assert asyncio.run(asked) == (f"127.0.0.1:{answers}", starts[-1])
    assert [one.released for one in starts] == [number < answers for number in range(1, len(starts) + 1)]
    assert len(starts) == min(answers, starts_most)
