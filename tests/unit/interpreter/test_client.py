"""Requests to a process that never answers."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess

import pytest

from mftctl.interpreter import client
from mftctl.interpreter.client import Client, ProcessEnded


def test_a_process_that_does_not_stop_is_killed(monkeypatch):
    """A stop without an answer ends with the process, after its limit; until it is asked to stop it has all time."""
    monkeypatch.setattr(client, "STOP_LIMIT", 0.1)

    ours, theirs = socket.socketpair()

    async def test(pid, asked):
        theirs.sendall(json.dumps({"pid": pid}).encode() + b"\n")
        found = Client(ours)
        asking = asyncio.create_task(found.ask("run", {}, stop=lambda: {"final": True}))
        await asyncio.to_thread(asked.readline)
        await asyncio.sleep(0.2)
        assert not asking.done()
        asking.cancel()
        with pytest.raises(ProcessEnded):
            await asking
        assert not found.usable
        assert json.loads(asked.readline()) == {"kind": "stop", "of": 1, "final": True}
        found.close()

    with theirs, theirs.makefile("rb") as asked, subprocess.Popen(["sleep", "60"]) as hanging:
        asyncio.run(test(hanging.pid, asked))
        assert hanging.wait(10) == -signal.SIGKILL
