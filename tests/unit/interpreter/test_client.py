"""Requests to a process of the flow's interpreter: replies of every form, and a process that never replies."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading

import pytest

from mftctl.interpreter import client
from mftctl.interpreter.client import Client, ProcessEnded
from mftctl.interpreter.inside.channel import Channel
from mftctl.interpreter.inside.protocol import Request, serve
from mftctl.model.errors import Exit, MftctlError


def test_a_process_that_does_not_stop_is_killed(monkeypatch):
    """A stop without an answer ends with the process, after its limit; until it is asked to stop it has all time."""
    monkeypatch.setattr(client, "STOP_LIMIT", 0.1)

    ours, theirs = socket.socketpair()

    async def test(pid, asked):
        theirs.sendall(json.dumps({"pid": pid}).encode() + b"\n")
        found = Client(ours)
        asking = asyncio.create_task(found.request("run", {}, stop=lambda: {"cancelled": True}))
        await asyncio.to_thread(asked.readline)
        await asyncio.sleep(0.2)
        assert not asking.done()
        asking.cancel()
        with pytest.raises(ProcessEnded):
            await asking
        assert not found.usable
        assert json.loads(asked.readline()) == {"kind": "stop", "of": 1, "cancelled": True}
        found.close()

    with theirs, theirs.makefile("rb") as asked, subprocess.Popen(["sleep", "60"]) as hanging:
        asyncio.run(test(hanging.pid, asked))
        assert hanging.wait(10) == -signal.SIGKILL


def _serve(theirs: socket.socket) -> None:
    """Answer requests in a thread, as a process of the flow's interpreter does."""

    def refuse(_: Request) -> None:
        raise MftctlError("no", exit=Exit.CONFLICT, code="a.code", hint="a hint", log=("a line",))

    def events(request: Request) -> str:
        for number in range(3):
            request.offer({"number": number}, 5)
        return "done"

    handlers = {
        "echo": lambda request: request.fields["text"],
        "break": lambda request: request.fields["missing"],
        "refuse": refuse,
        "events": events,
    }
    serve(Channel(theirs), handlers)


def test_replies_of_every_form():
    """An answer of any length, events before one, and an error with all its parts, whatever raised it."""

    async def test(found):
        seen: list[int] = []
        for length in (0, 1, client.READ_AHEAD, 5 * client.READ_AHEAD + 7):
            assert await found.request("echo", {"text": "x" * length}) == "x" * length
        assert (
            await found.request("events", {}, on_event=lambda event: seen.append(event["number"])) == "done"
        )
        with pytest.raises(MftctlError, match="no") as refused:
            await found.request("refuse", {})
        with pytest.raises(MftctlError, match="KeyError: 'missing'"):
            await found.request("break", {})
        with pytest.raises(MftctlError, match="no request of kind dance"):
            await found.request("dance", {})
        assert await found.request("echo", {"text": "still there"}) == "still there"
        found.close()
        return seen, vars(refused.value)

    ours, theirs = socket.socketpair()
    serving = threading.Thread(target=_serve, args=(theirs,))
    serving.start()
    seen, error = asyncio.run(test(Client(ours)))
    serving.join(10)
    assert not serving.is_alive()
    theirs.close()
    assert seen == [0, 1, 2]
    assert error["exit"] is Exit.CONFLICT
    assert (error["code"], error["hint"], error["log"]) == ("a.code", "a hint", ("a line",))


def test_a_process_that_closes_its_connection_and_does_not_end_is_ended(monkeypatch, tmp_path):
    """So that the reason for the missing reply is known."""
    monkeypatch.setattr(client, "END_GRACE", 0.2)
    script = tmp_path / "python"
    closes = "import os, sys, time; os.close(int(sys.argv[-1])); time.sleep(60)"
    script.write_text(f"#!{sys.executable} -E\n{closes}\n")
    script.chmod(0o755)

    async def test():
        found = Client.start(str(script), "host", {})
        with pytest.raises(ProcessEnded):
            await found.request("load", {})
        return await found.end_reason()

    assert asyncio.run(test()) == f"ended with code {-signal.SIGTERM}"
