"""Runs that are paused, cancelled or late at odd moments, and ends that something else has to do with."""

from __future__ import annotations

import asyncio
import random
import time

import pytest
from scenarios import NESTED
from standin import Engine, ended, foreach, hangs, linear, manifest, until

from mftctl.control.runs.lookup import describe
from mftctl.engine import driver
from mftctl.engine.notification import NOTIFICATION_TYPE
from mftctl.model import ids
from mftctl.model.manifest import Receiver


async def test_a_timeout_counts_from_the_start_of_the_run(engine: Engine) -> None:
    """Not from its first worker: the server would end the run before, without hooks and notifications."""
    given = manifest(
        "Late",
        linear("a"),
        task_queue="late",
        workflow_timeout=1.0,
        error_hooks=("bad",),
        success_hooks=("good",),
    )
    script, handle = await engine.start(given)
    started = (await handle.describe()).start_time.timestamp()
    await until(lambda: time.time() > started + 1.1)
    async with engine.worker(task_queue="late"):
        assert (await ended(handle)).status == "timed_out"
    assert [name for name in script.names if name.startswith("@")] == ["@bad"]


async def test_pauses_in_quick_succession_end_as_the_last_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts are told one after the other; a run that continues has no part that is still paused."""
    monkeypatch.setattr(driver, "INLINE", 2)
    monkeypatch.setattr(driver, "CHUNK", 4)
    given = manifest("Flickers", foreach(), max_workers=8)
    script, handle = await engine.start(given, widths={"start": 60})
    for _ in range(20):
        await asyncio.gather(*(handle.signal("pause", paused) for paused in (True, False)))
    await handle.signal("pause", False)
    assert (await ended(handle)).status == "completed"
    assert len(script.names) == len(set(script.names)) == 60 + 3


async def test_a_paused_run_that_is_cancelled_ends(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while its parts are told of the pause."""
    monkeypatch.setattr(driver, "INLINE", 2)
    monkeypatch.setattr(driver, "CHUNK", 4)
    given = manifest("Halts", foreach(), max_workers=8)
    chance = random.Random(9)  # noqa: S311 - moments, not secrets
    for _ in range(12):
        script, handle = await engine.start(given, widths={"start": 60})
        await script.began("start")
        await asyncio.sleep(chance.uniform(0, 0.1))  # a random moment is what is tested
        await asyncio.gather(handle.signal("pause", True), handle.cancel())
        assert (await ended(handle)).status in ("cancelled", "completed")


async def test_a_part_that_somebody_cancels_cancels_the_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All views say so, though Temporal can only end it as failed."""
    monkeypatch.setattr(driver, "INLINE", 2)
    given = manifest("ByHand", foreach(), notify=(Receiver("http://hand.test"),))
    script, handle = await engine.start(given, {"work": hangs}, widths={"start": 5})
    await script.began("work[4]")
    await engine.client.get_workflow_handle(f"{handle.id}.work-0").cancel()
    assert (await ended(handle)).status == "cancelled"
    assert (await describe(engine.client, handle.id)).status == "cancelled"
    await script.began("http://hand.test")
    assert script.calls[-1].notice["body"]["status"] == "cancelled"


async def test_a_notification_that_is_still_sent_fails_no_run(engine: Engine) -> None:
    """Such as that of the same run before somebody has reset it."""
    given = manifest("Again", linear("a"), notify=(Receiver("http://again.test"),))
    run_id = ids.new_run_id("Again")
    before = await engine.client.start_workflow(
        NOTIFICATION_TYPE, {}, id=ids.notice_id(run_id, 0, 0), task_queue="nobody"
    )
    _, how = await engine.run(given, run_id=run_id)
    assert how.status == "completed"
    await before.terminate()


async def test_a_part_of_a_part_that_somebody_cancels_cancels_the_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as the run itself, however deep it is."""
    monkeypatch.setattr(driver, "INLINE", 2)
    given = manifest("DeepByHand", NESTED)
    script, handle = await engine.start(given, {"work": hangs}, widths={"start": 3, "middle": 3})
    await until(lambda: "work[0,0]" in script.names)

    async def inner() -> list[str]:
        found = [
            one.id
            async for one in engine.client.list_workflows(
                "WorkflowType = 'DeepByHand.foreach' AND ExecutionStatus = 'Running'"
            )
        ]
        return [name for name in found if name.count(".") > 1]

    await until(inner)
    await engine.client.get_workflow_handle((await inner())[0]).cancel()
    assert (await ended(handle)).status == "cancelled"
