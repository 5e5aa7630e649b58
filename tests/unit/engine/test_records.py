"""What is read of a run from its history, and from those of its parts."""

from __future__ import annotations

import pytest
from standin import Engine, foreach, manifest, until
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from mftctl.control.runs.history import RunHistory
from mftctl.control.runs.lookup import describe, list_runs
from mftctl.engine import driver, history_limits
from mftctl.operations.runs.run_details import details_of
from mftctl.operations.selection import select_tasks
from mftctl.results.run_results import TaskCounts


async def test_parts_of_a_wide_foreach_are_seen(engine: Engine) -> None:
    """Tasks of child workflows are counted, listed, named and chosen like all others."""
    _, how = await engine.run(manifest("Parted", foreach()), run_id="temporal-parted", widths={"start": 102})
    assert how.status == "completed"
    found = await describe(engine.client, "temporal-parted")
    history = RunHistory(engine.client, found)
    record = await history.read()
    details = details_of(found, history, how, None, None)
    assert details.tasks == TaskCounts(done=105, known=105)
    assert {step.step: step.done for step in details.steps}["work"] == 102
    for where in ("work/101", "work[101]"):
        (task,) = select_tasks(record, "temporal-parted", where)
        assert (task.label, task.task_id, len(task.attempts)) == ("work[101]", "temporal-work-101", 1)

    async def listed() -> bool:
        rows = await list_runs(engine.client, flow="Parted")
        return [(one.done, one.known) for one in rows] == [(105, 105)]

    await until(listed)


async def test_parts_that_the_server_has_forgotten_are_counted(engine: Engine) -> None:
    """They ended before their run did, so it keeps them for a shorter time."""
    _, how = await engine.run(manifest("Forgot", foreach()), run_id="temporal-forgot", widths={"start": 102})
    found = await describe(engine.client, "temporal-forgot")
    parts = [one.id async for one in engine.client.list_workflows("WorkflowType = 'Forgot.foreach'")]
    assert parts
    for name in parts:
        await forget(engine, name)
    history = RunHistory(engine.client, found)
    await history.read()
    assert details_of(found, history, how, None, None).tasks == TaskCounts(done=105, known=105)


async def test_parts_of_which_the_server_has_forgotten_the_beginning_are_counted(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part may run for longer than the server keeps what has ended; the execution that it continued as is there."""
    for module, name, value in (
        (driver, "INLINE", 5),
        (driver, "CHUNK", 10),
        (history_limits, "MAX_EVENTS", 20),
    ):
        monkeypatch.setattr(module, name, value)
    given = manifest("Began", foreach(), max_workers=1)
    _, how = await engine.run(given, run_id="temporal-began", widths={"start": 20})
    found = await describe(engine.client, "temporal-began")
    part = "temporal-began.work-0"
    executions = [
        one.run_id async for one in engine.client.list_workflows(f"WorkflowId = '{part}'") if one.run_id
    ]
    assert len(executions) > 1
    began = await engine.client.get_workflow_handle(part).fetch_history()
    await forget(
        engine, part, began.events[0].workflow_execution_started_event_attributes.first_execution_run_id
    )
    history = RunHistory(engine.client, found)
    record = await history.read()
    assert details_of(found, history, how, None, None).tasks == TaskCounts(done=23, known=23)
    assert "work[9]" in {task.label for task in record.tasks.values()}


async def forget(engine: Engine, workflow_id: str, execution: str = "") -> None:
    """Let the server delete an execution, the latest one unless it is named."""
    handle = engine.client.get_workflow_handle(workflow_id, run_id=execution or None)
    what = WorkflowExecution(workflow_id=workflow_id, run_id=execution)
    request = DeleteWorkflowExecutionRequest(namespace="default", workflow_execution=what)
    await engine.client.workflow_service.delete_workflow_execution(request)

    async def forgotten() -> bool:
        try:
            await handle.describe()
        except RPCError as error:
            return error.status == RPCStatusCode.NOT_FOUND
        return False

    await until(forgotten)
