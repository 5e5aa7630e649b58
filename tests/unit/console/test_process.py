"""Signals that end a long-lived command."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from mftctl.console.process import ENDING, Signals
from mftctl.model.errors import Exit


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ENDING}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # also where the tests themselves run under nohup
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.TERMINATED), (signal.SIGHUP, Exit.HUNG_UP)],
)
def test_each_of_them_is_a_request_to_end(number: int, code: Exit) -> None:
    """Ctrl-C, SIGTERM and the end of the terminal end `run`, `worker` and `dev` in good order."""

    async def heard() -> int:
        signals = Signals()
        os.kill(os.getpid(), number)
        return await asyncio.wait_for(signals.first, 5)

    assert Exit(128 + asyncio.run(heard())) == code


def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    """As `nohup mftctl run` wants it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async def heard() -> bool:
        signals = Signals()
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)
        return signals.first.done()

    assert not asyncio.run(heard())
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
