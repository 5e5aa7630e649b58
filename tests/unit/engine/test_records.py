"""What is read of a run from its history, and from those of its parts."""

from __future__ import annotations

from standin import Engine, foreach, manifest, until

from mftctl.cli.run_data import as_data
from mftctl.cli.selection import selected
from mftctl.control.runs.history import RunHistory
from mftctl.control.runs.lookup import describe, list_runs


async def test_parts_of_a_wide_foreach_are_seen(engine: Engine) -> None:
    """Tasks of child workflows are counted, listed, named and chosen like all others."""
    _, how = await engine.run(manifest("Parted", foreach()), run_id="temporal-parted", widths={"start": 102})
    assert how.status == "completed"
    found = await describe(engine.client, "temporal-parted")
    history = RunHistory(engine.client, found)
    record = await history.read()
    about = as_data(found, history, how, None, None)
    assert about["tasks"] == {"done": 105, "known": 105}
    assert {step["step"]: step["done"] for step in about["steps"]}["work"] == 102
    for where in ("work/101", "work[101]"):
        (task,) = selected(record, "temporal-parted", where)
        assert (task.label, task.task_id, len(task.attempts)) == ("work[101]", "temporal-work-101", 1)

    async def listed() -> bool:
        rows = await list_runs(engine.client, flow="Parted")
        return [(one.done, one.known) for one in rows] == [(105, 105)]

    await until(listed)
