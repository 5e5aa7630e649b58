"""The tasks of open runs, as `mftctl runs top` shows them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import timedelta

import pytest
from standin import Engine, ended, fails, foreach, linear, manifest, until, waits

from mftctl.control.runs.lookup import list_runs
from mftctl.control.runs.open_tasks import OpenTask, open_tasks
from mftctl.model.errors import NotFoundError
from mftctl.model.manifest import Dispatch
from mftctl.operations.runs import top


async def of(engine: Engine, *flows: str) -> list[OpenTask]:
    """Those of the open runs of these flows."""
    runs = await list_runs(engine.client, statuses=("running",), limit=100)
    return await open_tasks(engine.client, [run for run in runs if run.flow in flows])


async def test_each_task_is_where_it_is(engine: Engine) -> None:
    """On a worker, in a task queue without one, or before its next attempt; parts of a wide foreach, too."""
    go = asyncio.Event()
    _, wide = await engine.start(
        manifest("TopWide", foreach(), max_workers=200), {"work": waits(go)}, widths={"start": 102}
    )
    unserved = linear(start={"dispatch": Dispatch(queue="top-nowhere")})
    _, queued = await engine.start(manifest("TopQueued", unserved))
    again = fails(times=1, delay=timedelta(hours=1))
    _, retried = await engine.start(manifest("TopRetried", linear()), {"start": again})

    async def there() -> bool:
        states = [one.state for one in await of(engine, "TopWide", "TopQueued", "TopRetried")]
        return states == ["running"] * 100 + ["retrying", "waiting"]

    await until(there)
    *running, retrying, waiting = await of(engine, "TopWide", "TopQueued", "TopRetried")
    assert len({one.task_id for one in running}) == 100
    assert all(one.worker and one.task_queue == engine.queue for one in running)
    assert [one.since for one in running] == sorted(one.since for one in running)
    assert (retrying.step, retrying.number, retrying.worker) == ("start", 1, None)
    assert (waiting.task_queue, waiting.number, waiting.worker) == ("top-nowhere", 0, None)

    found = await top._read(engine.client, "TopRetried", 10)
    assert [asdict(row)["state"] for row in found.data or ()] == ["retrying"]
    assert "\tin 59m" in found.text
    few = await top._read(engine.client, "TopWide", 5)
    assert len(few.data or ()) == 5
    assert few.notes == ("there are 100 tasks; show more with --limit 25",)
    with pytest.raises(NotFoundError, match="there is no deployment 'TopNowhere'"):
        await top._read(engine.client, "TopNowhere", 5)
    go.set()
    assert (await ended(wide)).status == "completed"
    for handle in (queued, retried):
        await handle.terminate()


async def test_runs_without_tasks_are_said_to_have_none(engine: Engine) -> None:
    """A run that has just ended is no open one."""
    _, how = await engine.run(manifest("TopEnded", linear()))
    assert how.status == "completed"
    assert await of(engine, "TopEnded") == []
