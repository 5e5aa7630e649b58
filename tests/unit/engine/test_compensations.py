"""What a run undoes when it ends badly."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
import replaying
from scenarios import TRIP, UNDO
from standin import Call, Engine, ended, fails, foreach, goes, hangs, linear, manifest, until, waits
from temporalio.api.enums.v1 import EventType

from mftctl.control.runs.lookup import describe, list_runs
from mftctl.control.runs.outcome import RunOutcome
from mftctl.engine import compensations, driver, workflow
from mftctl.model.manifest import Dispatch, Receiver, Step
from mftctl.model.task import Outcome
from mftctl.model.variables import COMPENSATION

CHILD = EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED


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


async def test_one_that_no_worker_takes_stops_no_other(engine: Engine) -> None:
    """Nor does it change how the run failed."""
    nobody = Dispatch(queue="nobody", schedule_to_start=1.0)
    handlers = tuple(replace(one, dispatch=nobody) if one.name == "undo_more" else one for one in UNDO)
    given = manifest("TripAlone", TRIP, compensations=handlers)
    script, how = await engine.run(given, {"go": fails("no seat")})
    assert _undone(script.names) == ["undo"]
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


#: Two branches that each have a compensation; one of them opens a foreach, whose splits have their own.
WIDE = (
    Step("start", "split", ("left", "right"), join="joined"),
    Step("left", "linear", ("joined",), compensation="undo_left"),
    Step("right", "foreach", ("body",), join="gather", compensation="undo_right"),
    Step("body", "linear", ("gather",), compensation="undo_body"),
    Step("gather", "join", ("joined",), split="right"),
    Step("joined", "join", ("end",), split="start"),
    Step("end", "end"),
)
UNDO_WIDE = tuple(Step(name, "linear") for name in ("undo_left", "undo_right", "undo_body"))
ALL_UNDONE = ["undo_body[0]", "undo_body[1]", "undo_body[2]", "undo_left", "undo_right"]


async def test_a_cancelled_run_undoes_both_branches_and_each_split(engine: Engine) -> None:
    """Cancelling stops what runs, then undoes what had finished: a foreach's splits before the step that opened it."""
    given = manifest("TripBranches", WIDE, compensations=UNDO_WIDE)
    script, handle = await engine.start(given, {"joined": hangs}, widths={"right": 3})
    await script.began("joined")
    await handle.cancel()
    assert (await ended(handle)).status == "cancelled"
    undone = _undone(script.names)
    assert sorted(undone) == ALL_UNDONE
    assert script.names.index("joined") < script.names.index(undone[0])
    assert undone.index("undo_right") > max(undone.index(f"undo_body[{split}]") for split in range(3))


async def test_a_run_that_passes_its_timeout_undoes_what_it_did(engine: Engine) -> None:
    """The workflow timeout stops the tasks, and then the handlers run."""
    for timeout in (1.0, 10.0, 30.0):  # on a busy machine it takes longer to get to the task that hangs
        given = manifest("TripLate", WIDE, compensations=UNDO_WIDE, workflow_timeout=timeout)
        script, how = await engine.run(given, {"joined": hangs}, widths={"right": 3})
        if "joined" in script.names:
            break
    assert how.status == "timed_out"
    assert sorted(_undone(script.names)) == ALL_UNDONE


async def test_what_ends_a_run_is_not_cancelled(engine: Engine) -> None:
    """A cancel that comes when a run undoes what it did stops no handler, and the run ends with its own error."""
    gate = asyncio.Event()
    given = manifest("TripEnding", WIDE, compensations=UNDO_WIDE)
    acts = {"joined": fails("no"), "undo_body": waits(gate)}
    script, handle = await engine.start(given, acts, widths={"right": 3})
    await until(lambda: any(name.startswith("undo_body") for name in script.names))
    await handle.cancel()
    await handle.query("progress")  # answered once the workflow has heard of it
    asked = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
    assert asked not in [event.event_type async for event in handle.fetch_history_events()]
    gate.set()
    how = await ended(handle)
    assert (how.status, how.step) == ("failed", "joined")
    assert sorted(_undone(script.ended)) == ALL_UNDONE
    assert (await describe(engine.client, handle.id)).status == "failed"


@pytest.mark.parametrize("cancel", [False, True], ids=["failed", "cancelled"])
async def test_a_long_compensation_continues_as_new(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, cancel: bool
) -> None:
    """It goes on where it was, and the run ends as what it was before: failed, or cancelled, wherever that is shown."""
    monkeypatch.setattr(workflow, "MAX_EVENTS", 10)
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
    assert how == RunOutcome("cancelled") if cancel else how.status == "failed"
    assert (await handle.describe()).run_id != first
    assert [name for name in script.names if name.startswith(("undo", "@"))] == ["undo_more", "undo", "@bad"]
    assert (await describe(engine.client, handle.id)).status == status
    await script.began(receiver.url)
    assert script.calls[-1].notice["body"]["status"] == status

    async def is_listed() -> bool:
        listed = await list_runs(engine.client, flow=given.flow, statuses=(status,))
        return [one.run_id for one in listed] == [handle.id]

    await until(is_listed)


async def test_a_task_that_ends_together_with_the_cancellation_is_undone(engine: Engine) -> None:
    """The workflow gets both at once, as a worker was away, or busy."""
    gate = asyncio.Event()
    dispatch = Dispatch(queue="together-far")
    steps = linear("book", "go", book={"compensation": "undo", "dispatch": dispatch})
    given = manifest("TripTogether", steps, compensations=UNDO, task_queue="together")
    async with engine.worker(task_queue="together-far", workflows=[]):
        async with engine.worker(task_queue="together"):
            script, handle = await engine.start(given, {"book": waits(gate)})
            await script.began("book")
        gate.set()

        async def is_over() -> bool:
            return not (await handle.describe()).raw_description.pending_activities

        await until(is_over)
        await handle.cancel()
        async with engine.worker(task_queue="together"):
            assert (await ended(handle)).status == "cancelled"
            assert _undone(script.names) == ["undo"]


async def test_a_run_that_stops_branches_and_parts_replays(engine: Engine) -> None:
    """Commands that stop what runs come in the order in which it began: another worker may take the run over."""
    steps = (
        Step("start", "split", ("fan", "long", "bad"), join="meet"),
        Step("fan", "foreach", ("work",), join="gather"),
        Step("work", "linear", ("gather",)),
        Step("gather", "join", ("meet",), split="fan"),
        Step("long", "linear", ("meet",)),
        Step("bad", "linear", ("meet",)),
        Step("meet", "join", ("end",), split="start"),
        Step("end", "end"),
    )
    gate = asyncio.Event()

    async def breaks(call: Call) -> None:
        await gate.wait()
        await fails()(call)

    given = manifest("TripMixed", steps, max_workers=40)
    acts = {"work": hangs, "long": hangs, "bad": breaks}
    script, handle = await engine.start(given, acts, widths={"fan": 1000})
    await script.began("long")
    await until(lambda: script.names.count("work[0]") and len(script.names) >= 40)
    gate.set()
    assert (await ended(handle)).status == "failed"
    history = await handle.fetch_history()
    assert len([one for one in history.events if one.event_type == CHILD]) > 1
    for _ in range(3):
        assert not await replaying.differences_now([history])


async def test_many_failed_compensations_are_told_in_short(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server refuses a failure, or a state to continue with, of more than 2 MiB: the rest would never be undone."""
    for module, name, value in (
        (workflow, "MAX_EVENTS", 10),
        (workflow, "MAX_FAILED", 1),
        (compensations, "PACK_FROM", 0),
    ):
        monkeypatch.setattr(module, name, value)
    receiver = Receiver("http://many.test")
    given = manifest("TripMany", TRIP, compensations=UNDO, notify=(receiver,))
    acts = {"go": fails("no seat"), "undo": fails("no room"), "undo_more": fails("no refund")}
    script, how = await engine.run(given, acts)
    assert _undone(script.names) == ["undo_more", "undo"]
    assert (how.status, how.message) == ("failed", "step go failed: no seat")
    await script.began(receiver.url)
    told = script.calls[-1].notice["body"]["failure"]["compensations"]
    assert (told["count"], told["more_failed"]) == (2, 1)
    assert [one["message"] for one in told["failed"]] == ["step undo_more failed: no refund"]


async def test_what_a_part_finishes_while_it_is_stopped_is_undone(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever the run is cancelled, also while a part is being started: it is waited for."""
    monkeypatch.setattr(driver, "INLINE", 2)
    monkeypatch.setattr(driver, "CHUNK", 3)
    given = manifest("TripStops", foreach(work={"compensation": "undo"}), compensations=UNDO, max_workers=6)
    chance = random.Random(3)  # noqa: S311 - moments, not secrets
    for _ in range(12):
        script, handle = await engine.start(given, widths={"start": 40})
        await script.began("start")
        await asyncio.sleep(chance.uniform(0, 0.15))  # a random moment is what is tested
        await handle.cancel()
        how = await ended(handle)
        if how.status == "completed":
            continue
        assert how.status == "cancelled"
        finished = {name for name in script.ended if name.startswith("work")}
        undone = {name.replace("undo", "work") for name in _undone(script.names)}
        last = max((n for n, name in enumerate(script.names) if name.startswith("work")), default=-1)
        first = min((n for n, name in enumerate(script.names) if name.startswith("undo")), default=last + 1)
        assert last < first, "no task runs beside the compensations"
        assert undone <= finished
