"""What a run undoes when it ends badly."""

from __future__ import annotations

import asyncio

import pytest
from scenarios import TRIP, UNDO
from standin import Engine, ended, fails, foreach, goes, hangs, manifest, waits

from mftctl.control.found import describe, list_runs
from mftctl.control.runs import Ended
from mftctl.engine import saga
from mftctl.manifest import Receiver
from mftctl.tasks import COMPENSATION, Outcome


def _undone(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith("undo")]


async def test_the_last_to_finish_is_undone_first(engine: Engine) -> None:
    """Each compensation is a task after the failure, on the path of what it undoes, told who it is."""
    script, handle = await engine.start(manifest("Trip", TRIP, compensations=UNDO), {"go": fails()})
    assert (await ended(handle)).status == "failed"
    assert script.names == ["start", "book", "pay", "go", "undo_more", "undo"]
    assert script.calls[-1].task.variables[COMPENSATION] == "undo"
    assert (await describe(engine.client, handle.id)).compensations == 2


async def test_one_that_fails_stops_no_other(engine: Engine) -> None:
    """It is told in the run's failure, which stays what it was."""
    given = manifest("TripFails", TRIP, compensations=UNDO)
    script, how = await engine.run(given, {"go": fails("no seat"), "undo_more": fails("no refund")})
    assert _undone(script.names) == ["undo_more", "undo"]
    assert how.message == "step go failed: no seat"


async def test_splits_of_all_parts_are_undone(engine: Engine) -> None:
    """Those that finished in child workflows too, also where a part has failed."""
    given = manifest("TripWide", foreach(work={"compensation": "undo"}), compensations=UNDO, max_workers=10)
    script, how = await engine.run(given, {"work[20]": fails()}, widths={"start": 101})
    assert how.status == "failed"
    finished = {name for name in script.ended if name.startswith("work")} - {"work[20]"}
    undone = {name.replace("undo", "work") for name in _undone(script.names)}
    assert undone
    assert undone <= finished


async def test_nothing_is_undone_after_a_good_end(engine: Engine) -> None:
    """A run that completes keeps what it did."""
    script, how = await engine.run(manifest("TripGood", TRIP, compensations=UNDO))
    assert how.status == "completed"
    assert not _undone(script.names)


async def test_a_misfit_is_undone_like_a_failure(engine: Engine) -> None:
    """Going where the code does not is the flow's fault, and no fault of ours."""
    given = manifest("TripAstray", TRIP, compensations=UNDO)
    script, how = await engine.run(given, {"go": goes(Outcome(("book",)))})
    assert how.status == "failed"
    assert _undone(script.names) == ["undo_more", "undo"]


async def test_a_second_cancel_comes_too_late(engine: Engine) -> None:
    """Compensations, hooks and notices run to their end, and the run ends as cancelled."""
    gate = asyncio.Event()
    given = manifest("TripCancelled", TRIP, compensations=UNDO, error_hooks=("bad",))
    script, handle = await engine.start(given, {"go": hangs, "undo_more": waits(gate)})
    await script.began("go")
    await handle.cancel()
    await script.began("undo_more")
    await handle.cancel()
    gate.set()
    assert (await ended(handle)).status == "cancelled"
    assert script.names[-3:] == ["undo_more", "undo", "@bad"]


@pytest.mark.parametrize("cancel", [False, True], ids=["failed", "cancelled"])
async def test_a_long_compensation_continues_as_new(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, cancel: bool
) -> None:
    """It goes on where it was, and the run ends as what it was before: failed, or cancelled, wherever that is shown."""
    monkeypatch.setattr(saga, "MAX_EVENTS", 10)
    status = "cancelled" if cancel else "failed"
    receiver = Receiver("http://long.test")
    given = manifest(
        f"TripLong{status.title()}", TRIP, compensations=UNDO, error_hooks=("bad",), notify=(receiver,)
    )
    script, handle = await engine.start(given, {"go": hangs if cancel else fails()})
    first = (await handle.describe()).run_id
    if cancel:
        await script.began("go")
        await handle.cancel()
    how = await ended(handle)
    assert how == Ended("cancelled") if cancel else how.status == "failed"
    assert (await handle.describe()).run_id != first
    assert [name for name in script.names if name.startswith(("undo", "@"))] == ["undo_more", "undo", "@bad"]
    assert (await describe(engine.client, handle.id)).status == status
    await script.began(receiver.url)
    assert script.calls[-1].notice["body"]["status"] == status
    listed = await list_runs(engine.client, flow=given.flow, statuses=(status,))
    assert [one.run_id for one in listed] == [handle.id]
