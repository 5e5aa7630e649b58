"""Which runs a list has, by what the server lists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mftctl.control.runs import lookup
from mftctl.control.runs.run import Run
from mftctl.model.errors import MftctlError

AT = datetime(2026, 3, 2, tzinfo=UTC)


def failed(name: str, execution: str = "first") -> Run:
    return Run(name, "F", "failed", AT, AT, "F", "1", name, execution)


def test_runs_that_were_resumed_hide_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their failed executions, which the server still lists, do not count towards the limit."""
    executions = [
        *(failed(f"resumed-{n}") for n in range(250)),
        *(failed(f"lost-{n}") for n in range(5)),
    ]
    asked: list[int] = []

    async def listed(_client: Any, terms: Iterable[str], _size: int) -> AsyncIterator[Run]:
        (term,) = terms
        if not term.startswith("WorkflowId IN"):
            for one in executions:
                yield one
            return
        asked.append(term.count("'") // 2)
        for one in executions:
            if f"'{one.workflow_id}'" in term:
                yield failed(one.run_id, "second" if one.run_id.startswith("resumed") else "first")

    async def names(limit: int) -> list[str]:
        client: Any = None
        return [one.run_id for one in await lookup.list_runs(client, statuses=("failed",), limit=limit)]

    monkeypatch.setattr(lookup, "_list", listed)
    assert asyncio.run(names(3)) == ["lost-0", "lost-1", "lost-2"]
    assert asyncio.run(names(20)) == [f"lost-{n}" for n in range(5)]
    assert max(asked) <= lookup.BATCH
    assert len(asked) < 12


def test_a_run_that_began_earlier_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server lists one that continued as new by the start of its last execution."""

    async def listed(*_: Any) -> AsyncIterator[Run]:
        for days, name in ((0, "new"), (3, "continued")):
            yield replace(failed(name), started=AT - timedelta(days=days))

    monkeypatch.setattr(lookup, "_list", listed)
    client: Any = None
    found = asyncio.run(lookup.list_runs(client, since=AT - timedelta(hours=2)))
    assert [one.run_id for one in found] == ["new"]


def test_a_run_without_an_id_is_unknown() -> None:
    """An empty variable in a script; the server would call it an invalid argument."""
    client: Any = None
    with pytest.raises(MftctlError, match="there is no run") as unknown:
        asyncio.run(lookup.describe(client, "Flow/"))
    assert unknown.value.code == "run.unknown"
