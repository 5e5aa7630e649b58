"""What is told to receivers when a run has ended."""

from __future__ import annotations

import asyncio

from standin import Engine, ended, fails, hangs, linear, manifest, until, waits

from mftctl.control.runs.history import RunHistory
from mftctl.control.runs.lookup import describe
from mftctl.engine.notification import SCHEMA_VERSION
from mftctl.model import ids
from mftctl.model.manifest import Receiver

URL, OTHER = "http://receiver.test", "http://other.test"


async def test_each_receiver_is_told_how_it_ended(engine: Engine) -> None:
    """Once each, with the run, its failure, and an id that is the same however often it is told."""
    given = manifest("Notified", linear("a"), notify=(Receiver(URL), Receiver(OTHER, "KEY")))
    script, handle = await engine.start(given, {"a": fails("no data")})
    assert (await ended(handle)).status == "failed"
    await script.began(URL)
    await script.began(OTHER)
    told = {call.name: call.notice for call in script.calls if call.notice}
    assert told[OTHER]["key_env"] == "KEY"
    body = told[URL]["body"]
    assert body == told[OTHER]["body"]
    assert body["schema_version"] == SCHEMA_VERSION
    assert (body["event"], body["status"], body["run_id"]) == ("run.failed", "failed", handle.id)
    assert (body["failure"]["step"], body["failure"]["message"]) == ("a", "step a failed: no data")
    assert body["id"] == f"{handle.id}-0"


async def test_every_end_has_its_name(engine: Engine) -> None:
    """Completed, cancelled, timed out."""
    notify = (Receiver(URL),)
    script, _ = await engine.run(manifest("NotifiedGood", linear(), notify=notify))
    late = manifest("NotifiedLate", linear("a"), notify=notify, workflow_timeout=0.2)
    slow, _ = await engine.run(late, {"a": hangs})
    stopped, handle = await engine.start(manifest("NotifiedStop", linear("a"), notify=notify), {"a": hangs})
    await stopped.began("a")
    await handle.cancel()
    await ended(handle)
    for one, status in ((script, "completed"), (slow, "timed_out"), (stopped, "cancelled")):
        await one.began(URL)
        assert one.calls[-1].notice["body"]["status"] == status


async def test_a_receiver_that_is_away_keeps_no_run(engine: Engine) -> None:
    """The run has ended, also for whoever follows it, while its receiver is waited for, and tried until it is back."""
    back = asyncio.Event()
    given = manifest("NotifiedAway", linear(), notify=(Receiver(URL), Receiver(OTHER)))
    script, handle = await engine.start(given, {URL: waits(back), OTHER: fails(times=2)})
    assert (await ended(handle)).status == "completed"
    await script.began(URL)
    await script.began(OTHER, 3)
    assert [call.attempt for call in script.calls if call.name == OTHER] == [0, 1, 2]
    history = RunHistory(engine.client, await describe(engine.client, handle.id))
    async with asyncio.timeout(10):
        await history.follow()
    assert sorted(task.step for task in history.record.tasks.values()) == ["end", "start"]
    back.set()
    notice = engine.client.get_workflow_handle(ids.notice_id(handle.id, 0, 0))
    assert await notice.result() == "200"


async def test_a_receiver_that_refuses_is_given_up(engine: Engine) -> None:
    """Its workflow says so, and ends."""
    given = manifest("NotifiedNever", linear(), notify=(Receiver(URL),))
    script, handle = await engine.start(given, {URL: fails("410 Gone")})
    await ended(handle)
    await until(lambda: URL in script.names)
    notice = engine.client.get_workflow_handle(ids.notice_id(handle.id, 0, 0))
    assert "given up" in await notice.result()
    assert script.names.count(URL) == 1
