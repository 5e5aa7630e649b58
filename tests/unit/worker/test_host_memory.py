"""The memory of flow hosts, which decides how many a worker keeps."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from supervising import launch

from mftctl.worker import host_memory, machine
from mftctl.worker.host_pool import HostPool
from mftctl.worker.worker_settings import Settings


class _Host:
    """A host without a process: it takes 100 bytes."""

    memory = 100
    alive = True
    stale = False
    busy = False
    spare = 0

    def trim(self, _: int) -> None: ...

    def retire(self) -> None:
        self.alive = False

    async def supervisor(self, **_: object) -> _Host:
        return self

    async def close(self) -> None: ...


def _starts(pool: HostPool, wanted: Any, order: list[int], busy: frozenset[int] = frozenset()) -> list[int]:
    """Ask for hosts of these flows in this order; those that were started."""
    started: list[int] = []

    async def start(asked: Any, _: str) -> _Host:
        number = int(asked.flow)
        started.append(number)
        host = _Host()
        host.busy = number in busy
        return host

    async def ask() -> None:
        for number in order:
            await pool.supervisor(replace(wanted, flow=str(number)))

    pool._start = start  # type: ignore[method-assign, assignment]
    asyncio.run(ask())
    return started


def test_as_many_hosts_are_kept_as_fit_into_memory(tmp_path: Path) -> None:
    """Twenty flows in turn are each imported once where they fit; else those that were used longest ago end."""
    wanted = launch(tmp_path)
    order = [*range(20)] * 3
    roomy = HostPool(Settings(tmp_path, 1), print, memory=2000)
    assert _starts(roomy, wanted, order) == [*range(20)]
    small = HostPool(Settings(tmp_path, 1), print, memory=250)
    assert _starts(small, wanted, [0, 1, 0, 2, 0, 1]) == [0, 1, 2, 1]


def test_a_host_that_runs_a_task_or_is_wanted_stays(tmp_path: Path) -> None:
    """However little memory there is: a task waits for no other flow."""
    wanted = launch(tmp_path)
    pool = HostPool(Settings(tmp_path, 1), print, memory=0)
    assert _starts(pool, wanted, [0, 1, 1, 0, 2, 1], busy=frozenset({0})) == [0, 1, 2, 1]


def test_a_host_that_somebody_waits_for_stays(tmp_path: Path) -> None:
    """Two flows that are imported at the same time both begin, however little memory there is."""
    wanted = launch(tmp_path)
    pool = HostPool(Settings(tmp_path, 1), print, memory=0)

    async def start(*_: Any) -> _Host:
        return _Host()

    async def lives(flow: str) -> bool:
        host: Any = await pool.supervisor(replace(wanted, flow=flow))
        return bool(host.alive)

    async def both() -> list[bool]:
        return await asyncio.gather(lives("0"), lives("1"))

    pool._start = start  # type: ignore[method-assign, assignment]
    assert asyncio.run(both()) == [True, True]


def test_the_memory_of_a_process_is_what_it_has_allocated() -> None:
    """Bytes of its own; a process that is gone counts as a flow of middle size."""
    text = "x = bytearray(b'x' * 100_000_000); print('there', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert 100e6 < host_memory.memory_of(process.pid) < 200e6
        process.communicate("\n")
    assert host_memory.memory_of(process.pid) == host_memory.UNKNOWN


@pytest.mark.parametrize(
    ("lines", "file"),
    [("0::/a/b\n", "memory.max"), ("3:cpu,cpuacct:/a\n2:memory:/a/b\n", "memory/memory.limit_in_bytes")],
)
def test_the_limit_of_a_container_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, file: str
) -> None:
    """Of its cgroup, or of one above; `max` is none."""
    whole = host_memory.memory_limit()
    own = tmp_path / "cgroup"
    own.write_text(lines)
    groups = tmp_path / "groups"
    top, name = (groups / file).parent, (groups / file).name
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / name).write_text("max\n")
    monkeypatch.setattr(machine, "_CGROUPS", groups)
    monkeypatch.setattr(machine, "_CGROUP", own)
    assert host_memory.memory_limit() >= whole
    (top / "a" / name).write_text(f"{2**28}\n")
    assert host_memory.memory_limit() == 2**26
