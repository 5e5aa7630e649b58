"""Heartbeats of runs to a metadata service."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from supervising import launch

from mftctl.worker import run_heartbeats
from mftctl.worker.run_heartbeats import RunHeartbeats


class Hosts:
    """Hosts of flows, of which one is imported for ever."""

    def __init__(self) -> None:
        self.sent = asyncio.Queue[str]()

    async def supervisor(self, launched: Any) -> Any:
        if launched.flow == "Slow":
            await asyncio.Event().wait()
        return self

    async def request(self, _: str, fields: dict[str, Any], **__: Any) -> dict[str, Any]:
        self.sent.put_nowait(fields["run_id"])
        return {"every": 0.01}


def test_an_import_that_takes_long_holds_up_no_other_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service takes a run without heartbeats for dead."""
    monkeypatch.setattr(run_heartbeats, "_CHECK_EVERY", 0.01)
    given = replace(launch(tmp_path), metadata="service")
    hosts: Any = Hosts()
    client: Any = None

    async def whole() -> list[str]:
        beats = RunHeartbeats(client, hosts, pytest.fail)
        beats.began(replace(given, flow="Slow"), "slow", "slow")
        beats.began(given, "quick", "quick")
        sent = [await hosts.sent.get() for _ in range(3)]
        await beats.stop()
        return sent

    assert asyncio.run(asyncio.wait_for(whole(), 30)) == ["quick"] * 3
