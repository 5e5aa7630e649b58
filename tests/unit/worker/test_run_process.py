"""The process of `mftctl run`: it compiles the flow in a fork, and then serves its tasks."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from mftctl.interpreter import client
from mftctl.interpreter.compilation import Compilation
from mftctl.interpreter.inside.protocol import PLAIN
from mftctl.model.errors import MftctlError
from mftctl.model.manifest import Manifest
from mftctl.model.options import Options
from mftctl.worker.host_pool import HostPool
from mftctl.worker.worker_settings import Settings

FLOW = """
import atexit, os, sys
from metaflow import FlowSpec, step
{head}
class Small(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Small()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("METAFLOW_USER", "tester")
    monkeypatch.setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", str(tmp_path))
    return tmp_path


def compilation(folder: Path, head: str = "") -> Compilation:
    """That of a flow in the folder, by a process that serves its tasks then."""
    (folder / "small.py").write_text(FLOW.format(head=head))
    return Compilation("small.py", Options(cwd=str(folder)), sys.executable, folder / "cache", serves=True)


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_the_process_that_compiled_serves_the_tasks(folder, isolation, monkeypatch):
    """With the environment that its tasks have, though it was started before; nothing of the flow is imported twice."""
    seen = folder / "seen"
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text("import os; os.environ['SITE'] = 'its own'")
    monkeypatch.setenv("PYTHONPATH", str(folder / "site"))
    monkeypatch.setenv("GONE", "1")
    head = (
        f"with open({str(seen)!r}, 'a') as seen:\n"
        "    names = ('SITE', 'GONE', 'ADDED', 'METAFLOW_CODE_SHA')\n"
        "    print(*map(os.environ.get, names), sep=', ', file=seen)\n"
        f"if 'ADDED' not in os.environ: atexit.register(lambda: open({str(folder / 'ended')!r}, 'a').close())"
    )

    async def whole() -> Manifest:
        with compilation(folder, head) as compiling:
            manifest = await compiling.manifest()
            process = compiling.take_host()
        assert process is not None
        monkeypatch.setenv("ADDED", "later")
        monkeypatch.delenv("GONE")
        pool = HostPool(Settings(folder / "cache", 1, isolation, source="small.py"), pytest.fail)
        pool.prepare(process)
        supervisor = await pool.supervisor(manifest.launch)
        assert (folder / "ended").exists(), "the compilation ended before the flow was imported again"
        supervisor.release()
        assert supervisor.kind == PLAIN
        assert supervisor.host.pid == process.client.pid
        await pool.close()
        assert not process.client.alive
        return manifest

    manifest = asyncio.run(whole())
    # Where each task is a process of its own, the host imports nothing of the flow.
    hosts = [f"its own, None, later, {manifest.launch.package.sha}"] if isolation == "fork" else []
    assert seen.read_text().splitlines() == ["its own, 1, None, None", *hosts]


def test_a_process_that_nobody_takes_ends_with_its_compilation(folder):
    """Such as for parameters that do not fit: exit handlers of the flow run to their end."""
    ended = folder / "ended"
    head = f"import time\natexit.register(lambda: (time.sleep(0.5), open({str(ended)!r}, 'w').close()))"

    async def whole() -> int:
        with compilation(folder, head) as compiling:
            await compiling.manifest()
            process = compiling._process
        return await process.wait()

    assert asyncio.run(whole()) == 0
    assert ended.exists()


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("os._exit(3)", "ended with code 3"),
        ("os.kill(os.getpid(), 9)", "ended with code -9"),
        ("raise ValueError('no luck')", "ValueError: no luck"),
    ],
)
def test_a_flow_that_cannot_be_compiled_says_so(folder, head, message):
    """As in a process that does nothing else; none is left."""

    async def whole() -> None:
        compiling = compilation(folder, head)
        process = compiling._process
        with compiling, pytest.raises(MftctlError, match=message):
            await compiling.manifest()
        assert not process.alive

    asyncio.run(whole())


def test_a_compilation_that_does_not_end_is_ended_with_its_process(folder, monkeypatch):
    """Such as that of a flow whose import starts a thread: nothing is left."""
    monkeypatch.setattr(client, "END_GRACE", 0.3)
    number = folder / "pid"
    head = f"import threading, time\nopen({str(number)!r}, 'w').write(str(os.getpid()))"
    head += "\nthreading.Thread(target=lambda: time.sleep(60)).start()"

    async def whole() -> None:
        with compilation(folder, head) as compiling:
            await compiling.manifest()
            process = compiling.take_host()
        assert process is not None
        os.kill(int(number.read_text()), 0)
        await process.client.end()
        assert not process.client.alive

    asyncio.run(whole())
    with pytest.raises(ProcessLookupError):
        os.kill(int(number.read_text()), 0)
