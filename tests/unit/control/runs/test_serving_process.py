"""A run whose `mftctl run` was killed is seen to be nobody's."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from mftctl.control.runs import lookup, serving_process
from mftctl.engine.memo import PROCESS
from mftctl.local.guardian import REASON, ServerUser

ANOTHER = "11111111-2222-3333-4444-555555555555"


def _ended() -> dict[str, Any]:
    """What a process has noted of itself that does not live any more."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    noted = {
        **serving_process.current_process(),
        "pid": process.pid,
        "began": serving_process._start_time(process.pid),
    }
    assert not serving_process.is_gone(noted)
    process.kill()
    process.communicate()
    return noted


def test_a_process_that_lives_is_not_gone() -> None:
    """Neither this one nor its parent; but one of the same id that has begun at another time."""
    here = serving_process.current_process()
    assert not serving_process.is_gone(here)
    assert not serving_process.is_gone(
        {**here, "pid": os.getppid(), "began": serving_process._start_time(os.getppid())}
    )
    assert serving_process.is_gone({**here, "began": "another time"})


def test_a_process_that_was_killed_is_gone() -> None:
    """Also one that nobody has waited for yet."""
    assert serving_process.is_gone(_ended())


@pytest.mark.parametrize("key", ["host", "machine", "namespace"])
def test_of_other_machines_nothing_is_known(key: str) -> None:
    """A run that another machine or container serves is left alone."""
    assert not serving_process.is_gone({**_ended(), key: "another"})


@pytest.mark.parametrize(("machine", "gone"), [("m1", True), ("", False)])
def test_what_was_before_the_machine_started_is_gone(
    monkeypatch: pytest.MonkeyPatch, machine: str, gone: bool
) -> None:
    """Where its id says that it is the same machine."""
    place = {**serving_process._machine(), "machine": machine, "boot": "now"}
    monkeypatch.setattr(serving_process, "_machine", lambda: place)
    assert serving_process.is_gone({**serving_process.current_process(), "boot": ANOTHER}) == gone


class _Server:
    """A client that ends runs, or may not."""

    def __init__(self, error: Exception | None = None) -> None:
        self.ended: list[tuple[str, str, str]] = []
        self._error = error

    def get_workflow_handle(self, workflow: str, *, run_id: str) -> Any:
        async def terminate(reason: str) -> None:
            if self._error:
                raise self._error
            self.ended.append((workflow, run_id, reason))

        return SimpleNamespace(terminate=terminate)


def _run(process: dict[str, Any] | None) -> Any:
    async def memo() -> dict[str, Any]:
        return {"deployment": "Tiny", **({} if process is None else {PROCESS: process})}

    status = WorkflowExecutionStatus.RUNNING
    return SimpleNamespace(
        id="temporal-tiny-1",
        run_id="x",
        workflow_type="Tiny",
        status=status,
        start_time=None,
        close_time=None,
        memo=memo,
        task_queue="q",
        raw_info=WorkflowExecutionInfo(),
    )


def test_whoever_sees_such_a_run_ends_it() -> None:
    """It is terminated with the reason, and shown as that; runs that are served, or not ours to end, go on."""
    server: Any = _Server()
    assert asyncio.run(lookup._run(server, _run(_ended()))).status == "terminated"
    assert server.ended == [("temporal-tiny-1", "x", REASON)]
    for process in (None, serving_process.current_process()):
        assert asyncio.run(lookup._run(server, _run(process))).status == "running"
    assert len(server.ended) == 1
    refusing: Any = _Server(RPCError("no", RPCStatusCode.PERMISSION_DENIED, b""))
    assert asyncio.run(lookup._run(refusing, _run(_ended()))).status == "running"


def test_the_guardian_hears_which_run_is_served() -> None:
    """A line when it begins and when it is over, in whatever parts they come."""
    user = ServerUser()
    user.receive(b'{"run": "r", "name')
    assert user.run is None
    user.receive(b'space": "default"}\n')
    assert user.run == {"run": "r", "namespace": "default"}
    user.receive(b"null\n")
    assert user.run is None


@pytest.mark.parametrize("polled", [True, False])
def test_a_copy_of_a_machine_ends_no_run_of_another(monkeypatch: pytest.MonkeyPatch, polled: bool) -> None:
    """They have one machine id and one name, but each its boot: who polls for the run lives."""
    ended: list[str] = []

    async def pollers(_: Any, queue: str) -> Any:
        assert queue == "the run's"
        return SimpleNamespace(pollers=(1,) if polled else ())

    async def terminate(**_: Any) -> None:
        ended.append("x")

    monkeypatch.setattr(serving_process, "find_pollers", pollers)
    monkeypatch.setattr(serving_process, "is_gone", lambda _: True)
    client: Any = SimpleNamespace(get_workflow_handle=lambda *_, **__: SimpleNamespace(terminate=terminate))
    run: Any = SimpleNamespace(id="r", run_id="e", task_queue="the run's")
    memo = {PROCESS: {"boot": "another"}}
    assert asyncio.run(serving_process.end_abandoned(client, run, memo)) is not polled
    assert ended == ([] if polled else ["x"])
