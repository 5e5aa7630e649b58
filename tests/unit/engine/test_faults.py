"""A fault of our own ends no run: nothing of its end happens, it is seen as stuck, and a mended worker goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from scenarios import HOOKS, TRIP, UNDO
from standin import Engine, Script, ended, fails, foreach, hangs, linear, manifest, until
from temporalio import workflow
from temporalio.client import WorkflowHandle

from mftctl.control import workflow_options
from mftctl.control.runs import stuck
from mftctl.control.runs.lookup import describe, list_runs
from mftctl.control.runs.run import Run
from mftctl.engine import driver
from mftctl.engine.payloads import RunInput
from mftctl.engine.plan import Plan
from mftctl.model import ids
from mftctl.model.manifest import Manifest
from mftctl.operations.runs.follow_run import report_stuck
from mftctl.operations.runs.list_runs import listing
from mftctl.worker.workflow_failures import WorkflowFailureLog

#: A workflow task that failed is tried again when its time is over, which is 10 s unless said otherwise.
TASK = timedelta(seconds=1)
Fault = Callable[[pytest.MonkeyPatch], None]


def _plan(patch: pytest.MonkeyPatch) -> None:
    """The plan raises a KeyError when ``go`` has ended."""
    finished = Plan.finished

    def broken(self: Plan, task: Any, outcome: Any, since: int = 0) -> Any:
        if task.ref.step == "go":
            raise KeyError("no such group")
        return finished(self, task, outcome, since)

    patch.setattr(Plan, "finished", broken)


def _task(patch: pytest.MonkeyPatch) -> None:
    """What starts a task, in an asyncio task of its own, raises a TypeError."""
    run_task = driver.run_task

    async def broken(given: Any, step: Any, task: Any, pausable: bool = False) -> Any:
        if step.name == "go":
            raise TypeError("no such argument")
        return await run_task(given, step, task, pausable)

    patch.setattr(driver, "run_task", broken)


def _end(patch: pytest.MonkeyPatch) -> None:
    """The end of the run asks what is not there."""

    async def broken(given: Any, generation: int) -> None:  # noqa: ARG001 - as the original
        raise AssertionError("never")

    patch.setattr("mftctl.engine.workflow.publish_run_finished", broken)


@asynccontextmanager
async def _served(engine: Engine, name: str) -> Any:
    """A worker of its own, with what it says of stuck runs."""
    other, said = Engine(engine.client, engine.standin, name), list[str]()
    telling = WorkflowFailureLog(engine.client, lambda message, _: said.append(message))
    telling.listen()
    try:
        async with other.worker():
            yield other, said
    finally:
        telling.close()


async def _start(
    engine: Engine, given: Manifest, acts: dict[str, Any]
) -> tuple[Script, WorkflowHandle[Any, Any]]:
    run = RunInput(given, ids.new_run_id(given.flow))
    script = engine.standin.scripts[run.run_id] = Script(given, acts, {"start": 101})
    handle = await engine.client.start_workflow(
        given.flow,
        run.to_plain(),
        id=run.run_id,
        task_queue=engine.queue,
        memo=workflow_options.initial_memo(run),
        task_timeout=TASK,
    )
    return script, handle


async def _stuck(engine: Engine, handle: WorkflowHandle[Any, Any]) -> Run:
    found = await describe(engine.client, handle.id)

    async def is_so() -> bool:
        nonlocal found
        (found,) = await stuck.mark_stuck(engine.client, [found])
        return found.status == "stuck"

    await until(is_so)
    return found


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (_plan, "KeyError: 'no such group'"),
        (_task, "TypeError: no such argument"),
        (_end, "AssertionError: never"),
    ],
    ids=["plan", "task", "end"],
)
async def test_a_fault_of_ours_compensates_nothing(engine: Engine, fault: Fault, told: str) -> None:
    """No compensation, hook or notice runs; run and worker say what it is; a mended worker ends the run well."""
    given = manifest("Faulty", TRIP, compensations=UNDO, task_queue="faulty", **HOOKS)
    with pytest.MonkeyPatch.context() as patch:
        fault(patch)
        async with _served(engine, "faulty") as (other, said):
            script, handle = await _start(other, given, {})
            found = await _stuck(other, handle)
            await until(lambda: said)
    assert found.problem.startswith(told)
    assert f"run {handle.id} is stuck: {told}" in said[0]
    assert not [name for name in script.names if name.startswith(("undo", "@", "http"))]
    async with _served(engine, "faulty") as (_, said):
        assert (await ended(handle)).status == "completed"
    assert not said
    assert script.names[:4] == ["start", "book", "pay", "go"]
    (found,) = await stuck.mark_stuck(engine.client, [await describe(engine.client, handle.id)])
    assert (found.status, found.problem) == ("completed", None)


async def test_a_fault_after_a_failure_is_a_fault(engine: Engine) -> None:
    """One that comes while the other tasks are stopped hides behind no failure of a task."""

    async def raises(_: Any) -> None:
        raise RuntimeError("not stopped")

    given = manifest("FaultyLate", linear("a"), task_queue="late", error_hooks=("bad",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver.Driver, "_stop_running", raises)
        async with _served(engine, "late") as (other, _):
            script, handle = await _start(other, given, {"a": fails()})
            found = await _stuck(other, handle)
    assert "RuntimeError: not stopped" in found.problem
    assert "@bad" not in script.names
    async with _served(engine, "late"):
        assert (await ended(handle)).status == "failed"
    assert script.names[-1] == "@bad"


async def test_a_history_that_does_not_replay_is_told(engine: Engine) -> None:
    """A worker whose commands differ from those of the run says so, and fails nothing."""
    given = manifest("Changed", linear("a"), task_queue="changed")
    async with _served(engine, "changed") as (other, _):
        script, handle = await _start(other, given, {"a": hangs})
        await script.began("a")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver.Driver, "drive", _otherwise(driver.Driver.drive))
        async with _served(engine, "changed") as (_, said):
            await handle.signal("pause", False)
            found = await _stuck(other, handle)
            await until(lambda: said)
    assert "TMPRL1100" in found.problem
    assert f"run {handle.id} is stuck: [TMPRL1100]" in said[0]
    script.acts.clear()
    async with _served(engine, "changed"):
        await handle.cancel()
        assert (await ended(handle)).status == "cancelled"


def _otherwise(drive: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    async def other(self: Any) -> Any:
        workflow.upsert_memo({"new": True})
        return await drive(self)

    return other


async def test_a_fault_in_a_part_is_seen_in_the_run(engine: Engine) -> None:
    """A run is stuck where the child workflow of a wide foreach is."""
    given = manifest("FaultyPart", foreach(("go",)), task_queue="part")
    with pytest.MonkeyPatch.context() as patch:
        _plan(patch)
        async with _served(engine, "part") as (other, _):
            _, handle = await _start(other, given, {})
            found = await _stuck(other, handle)
    assert found.problem.startswith("KeyError: 'no such group'")
    await handle.terminate()


async def test_a_newer_manifest_is_refused_by_an_old_worker(engine: Engine) -> None:
    """A run whose manifest this mftctl is too old for waits for a newer worker, and says so."""
    given = manifest("Newer", linear(), task_queue="newer")
    async with _served(engine, "newer") as (other, said):
        run = RunInput(given, ids.new_run_id("Newer")).to_plain()
        run["manifest"]["schema_version"] = 999
        handle = await engine.client.start_workflow(
            "Newer", run, id=run["run_id"], task_queue="newer", memo={"deployment": "Newer"}
        )
        found = await _stuck(other, handle)
        await until(lambda: said)
    assert "manifest schema 999 is newer than this mftctl" in found.problem
    await handle.terminate()


async def test_commands_show_it(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """`runs list`, its JSON, and whoever watches a run name the problem; --status stuck finds it."""
    given = manifest("FaultyShown", linear("go"), task_queue="shown")
    with pytest.MonkeyPatch.context() as patch:
        _plan(patch)
        async with _served(engine, "shown") as (other, _):
            _, handle = await _start(other, given, {})
            found = await _stuck(other, handle)
    listed = await stuck.mark_stuck(
        engine.client, await list_runs(engine.client, flow=given.flow, statuses=("stuck",))
    )
    assert [one.run_id for one in listed] == [handle.id]
    result = listing([found], ())
    assert "stuck" in result.text
    assert "KeyError: 'no such group'" in result.notes[0]
    assert (result.data[0].status, result.data[0].problem) == ("stuck", found.problem)
    watching = asyncio.ensure_future(report_stuck(engine.client, found))
    heard = ""

    def hears() -> bool:
        nonlocal heard
        heard += capsys.readouterr().err
        return f"run {handle.id} is stuck: KeyError" in heard

    await until(hears)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await handle.terminate()
