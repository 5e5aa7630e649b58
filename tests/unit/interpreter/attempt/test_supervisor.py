"""A supervisor asked over its socket: requests and their numbers, stops at every moment, tasks that behave badly."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from types import SimpleNamespace

import pytest
from supervising import client, launch, request

from mftctl.interpreter.client import ProcessEnded
from mftctl.interpreter.inside.flow_datastore import flow_datastore
from mftctl.model.errors import MftctlError
from mftctl.model.task import TaskRef
from mftctl.worker.flow_host import Supervisor


def supervised(root, *more):
    """Run an async test with a client of a supervisor."""

    def run(test):
        async def whole():
            async with client(root, *more) as found:
                return await test(found)

        return asyncio.run(whole())

    return run


def logged(root, number: int, stream: str = "stdout") -> bytes:
    """What is in the datastore of a task's output, with the headers of its lines cut off."""
    task = TaskRef("work", (number,)).task_id
    data = flow_datastore(launch(root)).get_task_datastore(
        "r", "work", task, attempt=0, data_metadata={}, allow_not_done=True
    )
    ((_, log),) = data.load_logs(["runtime"], stream)
    return b"\n".join(line.partition(b"]")[2] for line in log.split(b"\n"))


#: Moments after which one before a task's end, or one after it, will never be hit.
MOST = 3000


@pytest.mark.parametrize("moments", [150, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_stop_never_touches_the_next_task(tmp_path, moments):
    """A stop at any moment around a task's end stops that task or nothing; the task after it runs to its good end."""

    async def test(found):
        dice, stopped, late = random.Random(7), 0, 0  # noqa: S311 - moments, not secrets
        stops, usual = [], 0.02

        def stop():
            stops.append(True)
            return {"cancelled": True}

        for number in range(MOST):
            if number >= moments and stopped and late:
                break
            stops.clear()
            asking = asyncio.create_task(found.request("run", request(2 * number, "print('x')"), stop=stop))
            await asyncio.sleep(dice.uniform(0, 1.2 * usual))
            asking.cancel()
            try:
                answer = await asking
            except asyncio.CancelledError:  # it had ended already, or had not begun
                assert not stops
            else:
                assert answer["state"] in {"cancelled", "succeeded"}, answer
                stopped += answer["state"] == "cancelled"
                late += bool(stops and answer["state"] == "succeeded")
            began = time.monotonic()
            assert (await found.request("run", request(2 * number + 1, "print('x')")))["state"] == "succeeded"
            usual += (time.monotonic() - began - usual) / 8
        return stopped, late

    stopped, late = supervised(tmp_path, "light")(test)
    # Before its task's end and after it, or the moments were none.
    assert stopped
    assert late


def test_a_stop_in_the_same_breath_as_its_request(tmp_path):
    """A stop that arrives with its request is heard, though no byte more comes; one of another request is not."""

    async def test(found):
        def together(code, about):
            found.send("run", request(found._number + 1, code))
            found._write({"kind": "stop", "of": about, "cancelled": True})

        together("import time; time.sleep(60)", about=1)
        assert (await asyncio.wait_for(found.answer(1), 30))["state"] == "cancelled"
        together("pass", about=1)
        assert (await found.answer(2))["state"] == "succeeded"

    supervised(tmp_path)(test)


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_task_that_reaches_its_result_while_it_is_stopped_has_succeeded(tmp_path, cancelled):
    """To its run, which compensates it, and to Metaflow's client; a worker that runs it again finds the result."""
    code = "import signal, time; signal.signal(15, lambda *_: None); print('up', flush=True); time.sleep(60)"

    async def test(found):
        up = asyncio.Event()
        running = asyncio.create_task(
            found.request(
                "run",
                request(
                    1, f"{code}; raise SystemExit(1)".replace("time.sleep(60)", "signal.pause()"), live=True
                ),
                on_event=lambda event: "lines" in event and up.set(),
                stop=lambda: {"cancelled": cancelled},
            )
        )
        await asyncio.wait_for(up.wait(), 30)
        running.cancel()
        return (await running)["state"]

    assert supervised(tmp_path, "reached")(test) == ("succeeded" if cancelled else "lost")
    assert (b"KILLED" in logged(tmp_path, 1)) is not cancelled
    assert (tmp_path / "registered").exists() is cancelled


def test_what_a_supervisor_does_not_know_it_says(tmp_path):
    """An unknown kind of request is answered with its name, a broken one with the error; both leave it working."""

    async def test(found):
        with pytest.raises(MftctlError, match="no request of kind dance"):
            await found.request("dance", {})
        with pytest.raises(MftctlError, match="KeyError: 'task'"):
            await found.request("run", {})
        assert (await found.request("run", request(1, "pass")))["state"] == "succeeded"

    supervised(tmp_path)(test)


def test_a_fork_that_fails_is_no_end(tmp_path):
    """Where no process can be had the answer says so, and the supervisor runs the next request."""

    async def test(found):
        with pytest.raises(MftctlError, match="Resource temporarily unavailable"):
            await found.request("run", request(1, "pass"))
        assert (await found.request("run", request(1, "pass", attempt=1)))["state"] == "succeeded"

    supervised(tmp_path, "no-fork")(test)


def test_a_supervisor_that_ends_is_gone(tmp_path):
    """A request to a supervisor that was killed meanwhile comes back as that."""

    async def test(found):
        with pytest.raises(ProcessEnded):
            await found.request("run", request(1, "import os; os.kill(os.getppid(), 9)"))
        assert not found.usable

    supervised(tmp_path)(test)


BAD = {
    "closes its output": "import os; os.close(1); os.close(2)",
    "leaves without a word": "import os; os.write(1, b'said\\n'); os._exit(0)",
    "changes its surroundings": "import os, resource, signal; os.chdir('/'); os.umask(0o777);"
    "signal.signal(signal.SIGCHLD, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))",
    "leaves a daemon that holds its pipes": "import os, time\nif os.fork() == 0:\n os.setsid(); time.sleep(15)",
    "leaves a daemon that never stops printing": "import os\nif os.fork() == 0:\n os.setsid()\n"
    " while True: os.write(1, b'more\\n' * 1000)\nimport time; time.sleep(0.2)",
    "holds the interpreter": "sum(range(10_000_000))",
}


@pytest.mark.parametrize("code", BAD.values(), ids=BAD)
def test_a_task_that_behaves_badly_hurts_nobody_else(tmp_path, code):
    """It ends when its process does, and the next task sees nothing of it."""

    async def test(found):
        assert (await found.request("run", request(3, "pass")))["state"] == "succeeded"  # it has started
        assert (await asyncio.wait_for(found.request("run", request(1, code)), 10))["state"] == "succeeded"
        began = time.monotonic()
        answer = await found.request(
            "run", request(2, "import os; print(os.getcwd(), os.umask(0o22))", live=True)
        )
        assert answer["state"] == "succeeded"
        assert time.monotonic() - began < 5
        assert logged(tmp_path, 2) == f"{os.getcwd()} {_umask()}\n".encode()

    supervised(tmp_path)(test)


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


def test_what_a_task_has_started_ends_with_a_killed_supervisor(tmp_path):
    """Its next attempt gets the slot and the GPUs at once."""
    code = "import subprocess; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
    children: list[int] = []

    async def test(found):
        up = asyncio.Event()

        def on_event(event):
            children.extend(int(text) for text, _ in event["lines"])
            up.set()

        supervisor = Supervisor(found, SimpleNamespace(take_back=lambda: None), b".")
        asked = supervisor.request("run", request(1, code, live=True), on_event=on_event)
        running = asyncio.create_task(asked)
        await asyncio.wait_for(up.wait(), 30)
        os.kill(found._pid, signal.SIGKILL)
        with pytest.raises(ProcessEnded):
            await running

    supervised(tmp_path)(test)
    ended, deadline = False, time.monotonic() + 10
    while not ended:
        assert time.monotonic() < deadline
        time.sleep(0.01)
        try:
            with open(f"/proc/{children[0]}/stat") as stat:
                ended = stat.read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            ended = True
