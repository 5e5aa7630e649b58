"""The Schedules that carry deployments, on a real server."""

from __future__ import annotations

from dataclasses import replace

import pytest
from standin import Engine, linear, manifest
from temporalio.client import ScheduleUpdate, ScheduleUpdateInput

from mftctl.control import deployments, schedule_spec, schedules
from mftctl.control.schedule_ids import ScheduleIds
from mftctl.control.task_queues import TaskQueues
from mftctl.control.unreadable import Warnings
from mftctl.model.manifest import Manifest, Schedule

DAILY = Schedule("0 6 * * ? *")


async def found(engine: Engine, given: Manifest) -> deployments.Deployment:
    """The deployment as the server has it."""
    return await deployments.find(engine.client, given.deployment)


async def test_the_server_keeps_a_deployment_without_a_schedule(engine: Engine) -> None:
    """It removes a Schedule that will start nothing after a week, unless it is paused: to users it is not."""
    given = manifest("Kept", linear("a"))
    await deployments.register(engine.client, given)
    one = await found(engine, given)
    assert one.schedule.schedule.state.paused
    assert (one.paused, one.reason, one.expires) == (False, None, False)

    await deployments.register(engine.client, replace(given, schedule=DAILY))
    one = await found(engine, given)
    assert not one.schedule.schedule.state.paused
    assert (one.paused, one.expires) == (False, False)

    assert await schedules.set_paused(engine.client, one, "a holiday", paused=True)
    for again in (given, replace(given, schedule=DAILY)):
        await deployments.register(engine.client, again)
        one = await found(engine, given)
        assert one.schedule.schedule.state.note == "a holiday"
        assert one.paused == (again.schedule is not None)
    await deployments.unregister(engine.client, one.manifest, one.manifest.owner)


async def test_a_worker_keeps_deployments_of_before(engine: Engine) -> None:
    """Which does not change when they were deployed; what has a schedule by now is unpaused, if nobody paused it."""
    client, given = engine.client, manifest("Earlier", linear("a"))
    await deployments.register(client, given)

    async def set_state(*, paused: bool, note: str | None, scheduled: bool) -> None:
        def change(now: ScheduleUpdateInput) -> ScheduleUpdate:
            schedule = now.description.schedule
            schedule.state.paused, schedule.state.note = paused, note
            made = replace(given, schedule=DAILY) if scheduled else given
            schedule.action, schedule.spec = schedule_spec.action_of(made), schedule_spec.spec_of(made)
            return ScheduleUpdate(schedule=schedule)

        await client.get_schedule_handle("mftctl.Earlier").update(change)

    async def looked() -> tuple[deployments.Deployment, deployments.Deployment]:
        before = await found(engine, given)
        queues = TaskQueues(client, frozenset({"Earlier"}), ScheduleIds(client), Warnings(pytest.fail))
        assert await queues.current() == {given.task_queue}
        return before, await found(engine, given)

    await set_state(paused=False, note=None, scheduled=False)
    before, after = await looked()
    assert (before.expires, after.expires) == (True, False)
    assert after.deployed_at == before.deployed_at
    assert after.schedule.schedule.state.note == schedule_spec.KEPT

    await set_state(paused=True, note=schedule_spec.KEPT, scheduled=True)
    before, after = await looked()
    assert (before.paused, after.paused, after.schedule.schedule.state.paused) == (True, False, False)

    await set_state(paused=True, note=schedule_spec.KEPT, scheduled=True)
    assert await schedules.set_paused(client, before, "a holiday", paused=True)
    _, after = await looked()
    assert (after.paused, after.reason) == (True, "a holiday")
    await deployments.unregister(client, given, given.owner)
