"""How long a warm flow is used: until it is old, or what it has imported has changed."""

import asyncio
import os
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from mftctl.interpreter.inside import own_code, package_cache
from mftctl.model.manifest import Launch, Package
from mftctl.worker.freshness import Freshness
from mftctl.worker.host_pool import HostPool
from mftctl.worker.worker_settings import Settings

FLOW = """
from metaflow import FlowSpec, step
import helper

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


def test_a_host_gets_old():
    """After its time it is over, and not before."""
    now = 100.0
    freshness = Freshness({}, 60, lambda: now)
    now = 159.9
    assert not freshness.expired
    now = 160.0
    assert freshness.expired


@pytest.mark.parametrize("change", [lambda file: file.write_text("x = 22\n"), Path.unlink])
def test_a_changed_file_ends_it(change, tmp_path, monkeypatch):
    """A module of the flow's own that is written anew, or goes, is not what the host has."""
    helper = tmp_path / "helper.py"
    helper.write_text("x = 1\n")
    module = types.ModuleType("helper")
    module.__file__ = str(helper)
    monkeypatch.setitem(sys.modules, "helper", module)
    freshness = Freshness(own_code.imported(), 60)
    assert not freshness.expired
    change(helper)
    assert freshness.expired


@pytest.mark.parametrize("change", [lambda site: (site / "new").mkdir(), lambda site: (site / "old").rmdir()])
def test_an_installation_ends_it(change, tmp_path, monkeypatch):
    """So does a package that is installed into the flow's interpreter, or goes from it."""
    site = tmp_path / "site-packages"
    (site / "old").mkdir(parents=True)
    os.utime(site, (1, 1))  # two changes within a tick of the kernel's clock are one
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    freshness = Freshness(own_code.imported(), 60)
    assert not freshness.expired
    change(site)
    assert freshness.expired


def test_another_host_takes_its_place(tmp_path):
    """The next task has a new host; the old one ends when what it runs has ended, and not before."""
    asyncio.run(_replaced(tmp_path))


async def _replaced(tmp_path: Path) -> None:
    folder = tmp_path / "packages" / "sha"
    folder.mkdir(parents=True)
    (folder / "small.py").write_text(FLOW)
    helper = folder / "helper.py"
    helper.write_text("")
    package_cache.note_files(str(folder))
    hosts = HostPool(Settings(tmp_path, 1), print)
    try:
        first = await hosts.supervisor(_launch())
        (await hosts.supervisor(_launch())).release()
        helper.write_text("changed = True\n")
        package_cache.note_files(str(folder))
        second = await hosts.supervisor(_launch())
        assert second.host is not first.host
        second.release()
        assert first.host.alive
        first.release()
        await asyncio.to_thread(_wait_until, lambda: not first.host.alive)
        third = await hosts.supervisor(_launch())
        assert third.host is second.host
        third.release()
    finally:
        await hosts.close()


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _launch() -> Launch:
    return Launch(
        flow="Small",
        file="small.py",
        package=Package("sha", "url", "{}"),
        python=sys.executable,
        metadata="local",
        datastore="local",
        datastore_root="/nowhere",
        environment="local",
        event_logger="nullSidecarLogger",
        monitor="nullSidecarMonitor",
    )
