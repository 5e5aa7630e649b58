"""Notifications to receivers that do not answer."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from mftctl.worker import webhook


def test_a_receiver_that_does_not_answer_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few wait for its answer, the next ones are tried again later, and others get theirs."""
    gate = threading.Event()

    def post(url: str, *_: Any) -> str:
        if "dead" in url:
            gate.wait(30)
        return "200"

    monkeypatch.setattr(webhook, "_post", post)
    monkeypatch.setattr(webhook, "TIMEOUT", 0.05)
    monkeypatch.setattr(webhook, "_TURNS", {})

    def notice(host: str) -> Any:
        return webhook.post_notice({"url": f"https://{host}/x", "body": {}})

    async def whole() -> None:
        dead = [asyncio.create_task(notice("dead.test")) for _ in range(webhook.AT_ONCE)]
        await asyncio.sleep(0)
        with pytest.raises(ApplicationError, match="has not answered others") as busy:
            await notice("dead.test")
        assert not busy.value.non_retryable
        assert await asyncio.gather(*(notice("well.test") for _ in range(100))) == ["200"] * 100
        gate.set()
        assert await asyncio.gather(*dead) == ["200"] * webhook.AT_ONCE
        assert await notice("dead.test") == "200"

    asyncio.run(whole())
