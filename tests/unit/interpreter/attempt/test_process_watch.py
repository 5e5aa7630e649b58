"""A watched process: its descriptors, its end, and how it is stopped with all that it has started."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
import time

import pytest
from supervising import client, process, request

from mftctl.interpreter.client import Client
from mftctl.interpreter.inside import package_cache

STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    print("child", os.getpid(), flush=True)
time.sleep(60)
"""


def alive(pid: int) -> bool:
    """Whether a process runs that may be anybody's child, and is no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_ignores_term_is_killed_with_its_children(tmp_path):
    """After the grace the whole group goes: the task and the child that it has started."""

    async def whole():
        children, going = [], asyncio.Event()

        def on_event(message):
            lines = [text.split() for text, _ in message.get("lines", ())]
            children.extend(int(line[1]) for line in lines if line[0] == "child")
            if lines:
                going.set()

        async with client(tmp_path, "hasty") as found:
            asking = asyncio.create_task(
                found.request(
                    "run",
                    request(1, STUBBORN, live=True),
                    on_event=on_event,
                    stop=lambda: {"cancelled": True},
                )
            )
            await going.wait()
            assert alive(children[0])
            asking.cancel()
            began = time.monotonic()
            assert (await asking)["state"] == "cancelled"
            while alive(children[0]):
                assert time.monotonic() - began < 10
                await asyncio.sleep(0.01)

    asyncio.run(whole())


POLITE = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(0)); time.sleep(60)"


@pytest.mark.parametrize("code", ["import time; time.sleep(60)", STUBBORN, POLITE])
def test_an_attempt_that_takes_too_long_is_stopped_and_fails(tmp_path, code):
    """With the limit in its message, as a failure that may be retried; a task that ends in time is left alone."""

    async def whole():
        async with client(tmp_path, "hasty") as found:
            late = await found.request("run", request(1, code, limit=0.3, retries=1))
            message = "took longer than start_to_close, 0.3 s, and was stopped"
            assert (late["state"], late["message"], late["final"]) == ("failed", message, False)
            assert (await found.request("run", request(2, "pass", limit=60)))["state"] == "succeeded"

    asyncio.run(whole())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("code", ["ITSELF", "CHILD"])
def test_an_attempt_that_takes_too_much_memory_is_stopped_and_fails(tmp_path, code):
    """With what it asked for and took, itself or by a child, as a failure that may be retried."""
    take = "taken = bytearray(300 * 1024**2); time.sleep(60)"
    code = f"import os, time\nif {code == 'ITSELF'} or os.fork() == 0: {take}\nelse: os.wait()"

    async def whole():
        async with client(tmp_path, "hasty") as found:
            return await found.request("run", request(1, code, memory=200, retries=1))

    ended = asyncio.run(whole())
    assert (ended["state"], ended["final"]) == ("failed", False)
    used = re.fullmatch(r"out of memory: asked 200M, used (\d+)M, and was stopped", ended["message"])
    assert used, ended["message"]
    assert 200 < int(used[1]) < 400


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_that_processes_share_counts_once(tmp_path):
    """A task that forks helpers after it has loaded its data takes that once."""
    code = (
        "import os, time\ntaken = bytearray(300 * 1024**2)\n"
        "for _ in range(3):\n    if os.fork() == 0: break\n"
        "time.sleep(1)"  # several looks
    )

    async def whole():
        async with client(tmp_path, "hasty") as found:
            return await found.request("run", request(1, code, memory=500))

    assert asyncio.run(whole())["state"] == "succeeded"


def test_descriptors_beyond_1023_are_watched(tmp_path):
    """A supervisor whose flow has opened a thousand files runs tasks as any other."""

    async def whole():
        async with client(tmp_path, "crowded") as found:
            assert (await found.request("run", request(1, "pass")))["state"] == "succeeded"

    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2048:
        pytest.skip("this machine allows no 2048 descriptors")
    asyncio.run(whole())


def test_a_worker_that_goes_takes_its_task_along(tmp_path):
    """When the other end closes, the task is stopped and the supervisor ends, with nothing left."""

    async def whole():
        with process(tmp_path) as (sock, supervisor):
            found = Client(sock)
            going, pids = asyncio.Event(), []

            def on_event(message):
                pids.extend(int(text) for text, _ in message.get("lines", ()))
                if pids:
                    going.set()

            code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
            asking = asyncio.create_task(found.request("run", request(1, code, live=True), on_event=on_event))
            await going.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            found.close()
            await found._writer.wait_closed()
            assert await asyncio.to_thread(supervisor.wait, 15) == 0
            with pytest.raises(ProcessLookupError):
                os.kill(pids[0], 0)

    asyncio.run(whole())


def test_a_worker_that_goes_leaves_nobody_who_waits_for_a_store(tmp_path):
    """A supervisor ends, though Metaflow would try to reach the datastore for minutes."""
    with process(tmp_path, "stuck") as (sock, supervisor):

        async def asked():
            found = Client(sock)
            await found.connect()
            found.send("run", request(1, "pass"))
            while not (tmp_path / "waits").exists():  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.01)
            found.close()
            await found._writer.wait_closed()

        asyncio.run(asked())
        assert supervisor.wait(15) == -signal.SIGALRM


def test_a_package_that_is_not_there_holds_no_descriptor(tmp_path, monkeypatch):
    """A folder that was cleaned away, or replaced, between its opening and its lock is let go."""
    folder = tmp_path / "package"
    folder.mkdir()

    def replaced(*_):
        folder.rename(tmp_path / "old")
        folder.mkdir()

    monkeypatch.setattr(package_cache.fcntl, "flock", replaced)
    before = len(os.listdir("/dev/fd"))
    assert not package_cache.hold(str(folder))
    assert not package_cache.hold(str(tmp_path / "nowhere"))
    assert len(os.listdir("/dev/fd")) == before
    monkeypatch.undo()
    assert package_cache.hold(str(folder))
    assert len(os.listdir("/dev/fd")) == before + 1
    os.close(package_cache._LOCKS.pop())


def test_a_spawned_process_keeps_its_exit_code(tmp_path):
    """Nobody but the watch waits for it, however soon it ends: no exit code is lost to a dropped Popen."""
    script = (
        "import gc, os, sys, time, warnings\n"
        "from mftctl.interpreter.inside.attempt.task_process import Spawned\n"
        "warnings.simplefilter('error')\n"
        "null = os.open(os.devnull, os.O_RDWR)\n"
        "process = Spawned('nowhere.py').start([], {}, null, null, [])\n"
        "gc.collect(); time.sleep(1)\n"
        "while (code := process.poll()) is None: time.sleep(0.01)\n"
        "sys.exit(7 if code == 202 else 1)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", script], env=env, check=False, cwd=tmp_path).returncode == 7
