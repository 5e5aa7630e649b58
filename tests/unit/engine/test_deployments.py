"""The Schedules that carry deployments, on a real server."""

from __future__ import annotations

from dataclasses import replace

from standin import Engine, linear, manifest
from temporalio.client import ScheduleUpdate, ScheduleUpdateInput

from mftctl.control import deployments, schedules
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


async def test_a_deployment_of_before_is_kept_by_a_worker(engine: Engine) -> None:
    """Which does not change when it was deployed."""
    given = manifest("Earlier", linear("a"))
    await deployments.register(engine.client, given)

    def unpause(now: ScheduleUpdateInput) -> ScheduleUpdate:
        state = now.description.schedule.state
        state.paused, state.note = False, None
        return ScheduleUpdate(schedule=now.description.schedule)

    await engine.client.get_schedule_handle("mftctl.Earlier").update(unpause)
    before = await found(engine, given)
    assert before.expires
    await deployments.keep(engine.client, before)
    after = await found(engine, given)
    assert (after.expires, after.deployed_at) == (False, before.deployed_at)
    assert after.schedule.schedule.state.note == deployments.KEPT
    await deployments.unregister(engine.client, after.manifest, after.manifest.owner)
