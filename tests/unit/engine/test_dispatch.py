"""How the tasks of a step are handed out: their task queue, their time limits."""

from __future__ import annotations

import json
from dataclasses import replace

from standin import Engine, ended, fails, foreach, linear, manifest
from temporalio.api.enums.v1 import EventType

from mftctl.engine import commands
from mftctl.model.manifest import Dispatch, Manifest


def dispatched(given: Manifest, **by_step: Dispatch) -> Manifest:
    """The manifest with other ways to hand out the tasks of these steps."""
    steps = (replace(step, dispatch=by_step.get(step.name, step.dispatch)) for step in given.steps)
    return replace(given, steps=tuple(steps))


async def test_tasks_of_a_step_wait_in_its_own_task_queue(engine: Engine) -> None:
    """Also in the parts of a wide foreach; all others in that of the run."""
    given = dispatched(manifest("Queues", foreach(("work",)), max_workers=20), work=Dispatch(queue="gpu"))
    async with engine.worker(task_queue="gpu", workflows=[]):
        script, how = await engine.run(given, widths={"start": 120})
    assert how.status == "completed"
    assert {(call.task.task.ref.step, call.queue) for call in script.calls if call.task} == {
        ("start", engine.queue),
        ("work", "gpu"),
        ("join", engine.queue),
        ("end", engine.queue),
    }


async def test_a_retry_stays_in_the_task_queue_of_its_step(engine: Engine) -> None:
    """The server schedules it, where the first attempt was."""
    given = dispatched(manifest("Again", linear("a")), a=Dispatch(queue="again"))
    async with engine.worker(task_queue="again", workflows=[]):
        script, how = await engine.run(given, {"a": fails("no", times=1)})
    assert how.status == "completed"
    assert [call.queue for call in script.calls if call.name == "a"] == ["again", "again"]


async def test_a_task_that_waits_too_long_for_a_worker_fails_the_run(engine: Engine) -> None:
    """The failure names the step, the task queue and how long it waited."""
    given = dispatched(manifest("Alone", linear("a")), a=Dispatch(queue="nobody", schedule_to_start=1.0))
    script, how = await engine.run(given)
    assert how.status == "failed"
    assert script.names == ["start"]
    assert (
        how.message == "step a (task temporal-a-0) waited longer than 1 s for a worker of task queue nobody"
    )


async def test_priority_and_limits_reach_the_server(engine: Engine) -> None:
    """As attributes of the activity: Temporal hands it out by them."""
    how = Dispatch(priority=1, fairness_key="team-a", start_to_close=90.0, heartbeat=30.0)
    _, handle = await engine.start(dispatched(manifest("Limits", linear("a")), a=how))
    assert (await ended(handle)).status == "completed"
    history = await handle.fetch_history()
    scheduled = {
        event.activity_task_scheduled_event_attributes.activity_type.name: (
            event.activity_task_scheduled_event_attributes
        )
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    }
    found = scheduled["a"]
    assert (found.priority.priority_key, found.priority.fairness_key) == (1, "team-a")
    assert (
        found.start_to_close_timeout.seconds == 90 + commands.TIMEOUT_GRACE
    )  # the supervisor's stop comes first
    assert found.heartbeat_timeout.seconds == 30
    assert json.loads(found.input.payloads[0].data)["limit"] == 90.0
    assert not scheduled["end"].priority.priority_key


async def test_the_server_does_not_end_a_step_with_a_timeout(engine: Engine) -> None:
    """Metaflow's alarm does, in the task; what comes after the step's code may take longer, as with `run`."""
    _, handle = await engine.start(manifest("Timed", linear("a", a={"timeout": 5.0})))
    assert (await ended(handle)).status == "completed"
    scheduled = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    found = [
        event.activity_task_scheduled_event_attributes
        for event in (await handle.fetch_history()).events
        if event.event_type == scheduled
    ]
    (timed,) = [one for one in found if one.activity_type.name == "a"]
    assert timed.start_to_close_timeout.ToTimedelta() == commands.NO_TIMEOUT
