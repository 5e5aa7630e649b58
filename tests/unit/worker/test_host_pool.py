"""Flow hosts as a worker has them: flows that cannot be imported, forks that fail, hosts that do not want to end."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from supervising import launch, request

from mftctl.interpreter import client
from mftctl.interpreter.inside.flow_datastore import flow_datastore
from mftctl.interpreter.inside.package_cache import note_files, package_folder
from mftctl.interpreter.inside.protocol import PLAIN
from mftctl.model.errors import MftctlError
from mftctl.model.task import TaskRef
from mftctl.worker import flow_host, host_pool
from mftctl.worker.host_pool import HostPool
from mftctl.worker.worker_settings import Settings

FLOW = """
from metaflow import FlowSpec, step
class F(FlowSpec):
    @step
    def start(self):
        self.next(self.end)
    @step
    def end(self):
        pass
"""
CALL = "F()\n"


def served(tmp_path: Path, text: str, test, isolation: str = "fork"):
    """Run an async test with hosts for a flow's text; at the end they have ended."""
    file = tmp_path / "f.py"
    file.write_text(text)
    wanted = launch(tmp_path / "store")
    (tmp_path / "cache").mkdir()
    unpacked = Path(package_folder(str(tmp_path / "cache"), wanted.package))
    unpacked.mkdir(parents=True)
    note_files(str(unpacked))
    said: list[str] = []

    async def whole():
        hosts = HostPool(Settings(tmp_path / "cache", 1, isolation, source=str(file)), said.append)
        try:
            return await test(hosts, wanted)
        finally:
            started = [
                task.result() for task in hosts._hosts.values() if task.done() and not task.exception()
            ]
            await hosts.close()
            assert not any(host.alive for host in started)

    return asyncio.run(whole())


BROKEN = {
    "import": (
        "print('before')\nimport no_such_module\n",
        "ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "syntax": ("print('before')\nexec('1 +')\n", "SyntaxError: invalid syntax"),
    "exit": ("print('before')\nimport sys\nsys.exit('set DATA first')\n", "set DATA first"),
    "nothing": ("print('before')\n", "ran to its end and started no flow"),
}


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_a_flow_that_cannot_be_imported_fails_its_task_for_good(tmp_path, isolation, text, message):
    """At once, with the user's own traceback in the failure and in the task's log, as often as it is asked."""

    async def test(hosts, wanted):
        supervisor = await hosts.supervisor(wanted)
        first = await supervisor.request("run", request(1, "", retries=3))
        again = await (await hosts.supervisor(wanted)).request("run", request(2, "", retries=3))
        return first, again

    first, again = served(tmp_path, text, test, isolation)
    assert first["state"] == "failed"
    assert "final" not in first, "it is, by default"
    assert message in first["message"]
    assert again["message"] == first["message"]
    log = "\n".join(first["log"])
    assert "mftctl" not in log
    if "import" in text and "exit" not in text:
        assert f'File "{tmp_path / "f.py"}", line 2, in <module>' in log
    task = TaskRef("work", (1,)).task_id
    data = flow_datastore(launch(tmp_path / "store")).get_task_datastore(
        "r", "work", task, attempt=0, data_metadata={}, allow_not_done=True
    )
    ((_, out),) = data.load_logs(["runtime"], "stdout")
    ((_, err),) = data.load_logs(["runtime"], "stderr")
    assert out.count(b"before") == 1
    assert message.encode() in err


@pytest.mark.parametrize("error", ["OSError(28, 'No space left on device')", "MemoryError()"])
def test_what_the_machine_lacks_is_no_fault_of_the_flow(tmp_path, error):
    """An import that fails for want of disk or memory may work later or elsewhere: the flow is not run here."""

    async def test(hosts, wanted):
        with pytest.raises(MftctlError, match="cannot be loaded"):
            await hosts.supervisor(wanted)

    served(tmp_path, f"raise {error}\n", test)


REPLACED = """
import functools, json, os, select, time
json.dumps = functools.partial(json.dumps, indent=2)
json.loads = select.poll = None
time.monotonic = lambda: 0.0
os.getpid = lambda: 7
"""


def test_a_flow_may_replace_functions_of_the_standard_library(tmp_path):
    """What a host and its tasks say to the worker, and how they are watched, does not go through the flow's own."""

    async def test(hosts, wanted):
        supervisor = await hosts.supervisor(wanted)
        beat = await supervisor.request("heartbeat", {"run_id": "r"})
        return beat, await supervisor.request("run", request(1, ""))

    beat, answer = served(tmp_path, FLOW + REPLACED + CALL, test)
    assert beat == {"every": None}
    # As far as Metaflow's command line the task has come, which says that there is no such event logger.
    assert "Error: Invalid value for '--event-logger'" in "".join(answer["log"])


NO_FORK = """
import os
fork = os.fork
def once():
    os.fork = fork
    raise BlockingIOError(11, "Resource temporarily unavailable")
os.fork = once
"""


def test_a_host_that_cannot_fork_lives_on(tmp_path):
    """Who asks is told why; the next request finds the same host, which can fork by then."""

    async def test(hosts, wanted):
        first = await hosts.supervisor(wanted)
        with pytest.raises(MftctlError, match="no process can be forked: Resource temporarily unavailable"):
            await first.request("run", request(1, ""))
        second = await hosts.supervisor(wanted)
        assert second.host is first.host
        assert second.host.alive
        assert (await second.request("heartbeat", {"run_id": "r"})) == {"every": None}

    served(tmp_path, FLOW + NO_FORK + CALL, test)


@pytest.mark.parametrize("ignoring", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"])
def test_a_host_that_does_not_end_is_killed(tmp_path, monkeypatch, ignoring):
    """What hangs as its interpreter ends has its time, then TERM and KILL; meanwhile other things go on."""
    monkeypatch.setattr(client, "END_GRACE", 0.4)
    hanging = f"import signal, threading, time\nthreading._register_atexit(time.sleep, 600)\n{ignoring}\n"

    async def test(hosts, wanted):
        found = await hosts.supervisor(wanted)
        found.release()
        hosts._retire(found.host)
        turns = 0
        while found.host.alive:
            turns += 1
            await asyncio.sleep(0.05)
        return turns

    began = time.monotonic()
    assert served(tmp_path, FLOW + hanging + CALL, test) > 3
    assert time.monotonic() - began < 60


def test_a_machine_without_descriptors_keeps_its_hosts(tmp_path, monkeypatch):
    """The attempt waits and is tried again; the host is neither lost nor busy for ever."""

    async def test(hosts, wanted):
        (await hosts.supervisor(wanted)).release()
        (host,) = (task.result() for task in hosts._hosts.values())
        for one in host.idle[PLAIN]:
            one.client.close()

        def scarce(*_):
            raise OSError(errno.EMFILE, "Too many open files")

        with monkeypatch.context() as patched:
            patched.setattr(flow_host.socket, "socketpair", scarce)
            with pytest.raises(MftctlError, match="no process of F can be started"):
                await hosts.supervisor(wanted)
            with pytest.raises(MftctlError, match="no process of F can be started"):
                await hosts.supervisor(replace(wanted, options=("--quiet",)))
        assert not host.busy
        again = await hosts.supervisor(wanted)
        assert again.host is host
        again.release()

    served(tmp_path, FLOW + CALL, test)


def test_idle_supervisors_are_kept_up_to_a_limit(tmp_path, monkeypatch):
    """Each is a process and a descriptor; those of hosts that were used longest ago are ended first."""
    monkeypatch.setattr(host_pool, "MIN_IDLE", 3)

    async def test(hosts, wanted):
        other = replace(wanted, options=("--quiet",))
        for launched, count in ((wanted, 3), (other, 2)):
            used = [await hosts.supervisor(launched) for _ in range(count)]
            for one in used:
                one.release()
        (await hosts.supervisor(other)).release()
        assert [task.result().spare for task in hosts._hosts.values()] == [1, 2]

        def scarce(*_):
            raise OSError(errno.EMFILE, "Too many open files")

        with monkeypatch.context() as patched:
            patched.setattr(flow_host.socket, "socketpair", scarce)
            held = [await hosts.supervisor(wanted)]
            with pytest.raises(MftctlError, match="no process of F can be started"):
                await hosts.supervisor(wanted)
            # To make room for it, those of the other host were ended.
            assert [task.result().spare for task in hosts._hosts.values()] == [0, 0]
        (await hosts.supervisor(other)).release()
        for started in (flow_host.socket.socketpair, client.Client.start):
            descriptors = len(os.listdir("/dev/fd"))

            def full(*given, call=started, limit=descriptors, **more):
                if len(os.listdir("/dev/fd")) >= limit:
                    raise OSError(errno.EMFILE, "Too many open files")
                return call(*given, **more)

            with monkeypatch.context() as patched:
                if started == client.Client.start:
                    patched.setattr(client.Client, "start", full)
                    held.append(await hosts.supervisor(replace(wanted, options=("--no-pylint",))))
                else:
                    patched.setattr(flow_host.socket, "socketpair", full)
                    held.append(await hosts.supervisor(wanted))
            (await hosts.supervisor(other)).release()
        for one in held:
            one.release()

    served(tmp_path, FLOW + CALL, test)


def test_a_host_that_has_died_takes_no_memory(tmp_path):
    """No living one has to make room for it."""

    async def test(hosts, wanted):
        old = await hosts.supervisor(wanted)
        old.release()
        os.kill(old.host.pid, signal.SIGKILL)
        while old.host.alive:  # noqa: ASYNC110 - a few turns of the loop
            await asyncio.sleep(0.01)
        new = await hosts.supervisor(replace(wanted, options=("--quiet",)))
        new.release()
        assert [task.result() for task in hosts._hosts.values()] == [new.host]

    served(tmp_path, FLOW + CALL, test)


def test_a_host_that_nobody_asks_for_ends_when_it_has_expired(tmp_path, monkeypatch):
    """Such as that of an earlier version of a deployment: its processes and descriptors are not kept for ever."""
    monkeypatch.setattr(host_pool, "LOOK_EVERY", 0.0)

    async def test(hosts, wanted):
        old = await hosts.supervisor(wanted)
        old.host._freshness = SimpleNamespace(expired=True)
        new = await hosts.supervisor(replace(wanted, options=("--quiet",)))
        assert old.host.alive
        assert len(hosts._hosts) == 2  # it is busy
        old.release()
        new.release()
        (await hosts.supervisor(replace(wanted, options=("--quiet",)))).release()
        assert [task.result() for task in hosts._hosts.values()] == [new.host]
        while old.host.alive:  # noqa: ASYNC110 - a few turns of the loop
            await asyncio.sleep(0.01)

    served(tmp_path, FLOW + CALL, test)


def test_a_host_that_has_many_sockets_to_take_is_waited_for(tmp_path, monkeypatch):
    """It is no host that has ended."""
    real, full = client.Client.pass_socket, [errno.EAGAIN, errno.ETOOMANYREFS]

    def pass_socket(self, other, what):
        if full:
            raise OSError(full.pop(), "full")
        real(self, other, what)

    async def test(hosts, wanted):
        first = await hosts.supervisor(wanted)
        monkeypatch.setattr(client.Client, "pass_socket", pass_socket)
        second = await hosts.supervisor(wanted)
        assert second.host is first.host
        assert not full
        for one in (first, second):
            one.release()

    served(tmp_path, FLOW + CALL, test)
