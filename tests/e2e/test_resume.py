"""A run that ended badly goes on where it was: what finished is kept, task by task."""

import asyncio
import json
from collections import Counter

import pytest
from temporalio.client import Client

from mftctl.control import found, runs, steering
from mftctl.errors import Exit, MftctlError

FLOW = """
import os
from metaflow import FlowSpec, current, step

FOLDER = "PLACE"

def effect(self, *where):
    label = self._current_step + "".join(f"-{index}" for index in where)
    if os.path.exists(f"{FOLDER}/fail-{label}"):
        raise RuntimeError(f"{label} fails")
    while os.path.exists(f"{FOLDER}/hold-{label}"):
        open(f"{FOLDER}/held", "w").close()
    with open(f"{FOLDER}/effects", "a") as effects:
        effects.write(f"{current.run_id} {label}\\n")

class Resumed(FlowSpec):
    @step
    def start(self):
        self.count = 0
        effect(self)
        self.next(self.loop)

    @step
    def loop(self):
        self.count += 1
        self.more = "yes" if self.count < 3 else "no"
        effect(self, self.count)
        self.next({"yes": self.loop, "no": self.fork}, condition="more")

    @step
    def fork(self):
        effect(self)
        self.next(self.outer, self.side)

    @step
    def side(self):
        self.got = "side"
        effect(self)
        self.next(self.join)

    @step
    def outer(self):
        self.items = list(range(20))
        effect(self)
        self.next(self.inner, foreach="items")

    @step
    def inner(self):
        self.outer_item = self.input
        self.items = [10, 20]
        effect(self, self.index)
        self.next(self.body, foreach="items")

    @step
    def body(self):
        self.got = self.outer_item + self.input
        effect(self, self.outer_item, self.index)
        self.next(self.join_inner)

    @step
    def join_inner(self, inputs):
        self.got = [one.got for one in inputs]
        effect(self, inputs[0].outer_item)
        self.next(self.join_outer)

    @step
    def join_outer(self, inputs):
        self.got = [one.got for one in inputs]
        effect(self)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.got = [one.got for one in inputs]
        effect(self)
        self.next(self.end)

    @step
    def end(self):
        effect(self)
        self.origin = current.origin_run_id

if __name__ == "__main__":
    Resumed()
"""
EXPECTED = [[[item + 10, item + 20] for item in range(20)], "side"]
TASKS = 1 + 3 + 1 + 1 + 1 + 20 + 40 + 20 + 1 + 1 + 1
SHOW = (
    "import json; from metaflow import Run, namespace; namespace(None); run = Run({run!r});"
    "print(json.dumps([run.successful, run.data.got, run.data.origin]))"
)


@pytest.fixture
def place(served):
    """A home with the flow deployed and served."""
    served.flow("resumed.py", FLOW.replace("PLACE", str(served.folder)))
    assert served.run("deploy", "resumed.py").returncode == 0
    served.worker("Resumed")
    return served


def act(place, doing):
    """The result of an asynchronous function of a client."""

    async def acted():
        return await doing(await Client.connect(place.env["TEMPORAL_ADDRESS"]))

    return asyncio.run(acted())


def begin(place) -> str:
    """Start a run."""
    done = place.run("trigger", "Resumed", "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["run_id"]


def ending(place, run_id: str) -> str:
    """How the run ends, once it has."""
    return act(place, lambda client: runs.outcome(client.get_workflow_handle(run_id))).status


def effects(place, run_id: str) -> Counter:
    """How often each task of the run has had its effect."""
    lines = (place.folder / "effects").read_text().splitlines()
    return Counter(label for one, label in map(str.split, lines) if one == run_id)


def shown(place, run_id: str) -> list:
    """Whether the run is successful, its result and where it came from."""
    done = place.command("python", "-c", SHOW.format(run=f"Resumed/{run_id}"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "label", ["fork", "loop-2", "side", "body-13-1", "inner-7", "join_inner-4", "join_outer", "end"]
)
def test_only_what_did_not_finish_runs_again(place, label):
    """Wherever a run failed, resuming it runs each task once in all, and ends with what a run without failure has."""
    (place.folder / f"fail-{label}").touch()
    run_id = begin(place)
    assert ending(place, run_id) == "failed"
    (place.folder / f"fail-{label}").unlink()
    assert act(place, lambda client: steering.resume(client, run_id)) == run_id
    assert ending(place, run_id) == "completed"
    counts = effects(place, run_id)
    assert len(counts) == TASKS
    assert set(counts.values()) == {1}
    assert shown(place, run_id) == [True, EXPECTED, None]


def test_a_run_is_resumed_more_than_once(place):
    """A resumed run that fails again, elsewhere, is resumed again, and a cancelled one too."""
    for label in ("body-3-0", "join_outer"):
        (place.folder / f"fail-{label}").touch()
    run_id = begin(place)
    assert ending(place, run_id) == "failed"
    (place.folder / "fail-body-3-0").unlink()
    act(place, lambda client: steering.resume(client, run_id))
    assert ending(place, run_id) == "failed"
    (place.folder / "fail-join_outer").unlink()
    (place.folder / "hold-join").touch()
    act(place, lambda client: steering.resume(client, run_id))
    held = place.folder / "held"
    asyncio.run(_until(held.exists))
    act(place, lambda client: steering.cancel(client, run_id))
    assert ending(place, run_id) == "cancelled"
    (place.folder / "hold-join").unlink()
    act(place, lambda client: steering.resume(client, run_id))
    assert ending(place, run_id) == "completed"
    assert set(effects(place, run_id).values()) == {1}
    assert shown(place, run_id) == [True, EXPECTED, None]


def test_from_a_step_on(place):
    """With a step, it and what follows it run again; what came before and beside it does not."""
    (place.folder / "fail-end").touch()
    run_id = begin(place)
    assert ending(place, run_id) == "failed"
    (place.folder / "fail-end").unlink()
    act(place, lambda client: steering.resume(client, run_id, step="join_inner"))
    assert ending(place, run_id) == "completed"
    twice = {label for label, count in effects(place, run_id).items() if count == 2}
    assert twice == {*(f"join_inner-{index}" for index in range(20)), "join_outer", "join"}


def test_a_new_run_begins_with_the_old_results(place):
    """A new run clones what finished, as Metaflow's own resume does, knows its origin, and leaves the old run alone."""
    (place.folder / "fail-body-13-1").touch()
    old = begin(place)
    assert ending(place, old) == "failed"
    (place.folder / "fail-body-13-1").unlink()
    before = effects(place, old)
    new = act(place, lambda client: steering.resume(client, old, new_run=True))
    assert ending(place, new) == "completed"
    assert new != old
    assert effects(place, old) == before
    assert not set(before) & set(effects(place, new))
    assert shown(place, new) == [True, EXPECTED, old]


def test_a_paused_run_starts_nothing(place, wait_until):
    """A paused run lets its tasks finish and starts none; unpaused, it goes on to its end."""
    (place.folder / "hold-fork").touch()
    run_id = begin(place)
    wait_until((place.folder / "held").exists, "a step is running")
    assert act(place, lambda client: steering.pause(client, run_id))
    assert act(place, lambda client: found.describe(client, run_id)).status == "paused"
    assert not act(place, lambda client: steering.pause(client, run_id))
    (place.folder / "hold-fork").unlink()
    wait_until(lambda: "fork" in effects(place, run_id), "the running step has finished")
    counts = act(place, lambda client: runs.progress(client.get_workflow_handle(run_id)))
    assert "side" not in counts or "running" not in counts["side"]
    assert act(place, lambda client: steering.unpause(client, run_id))
    assert ending(place, run_id) == "completed"


def test_refusals(place):
    """A run that goes on, one that went well and one that is not there cannot be resumed, nor from an unknown step."""
    (place.folder / "hold-start").touch()
    run_id = begin(place)

    def refused(**options) -> Exit:
        with pytest.raises(MftctlError) as error:
            act(place, lambda client: steering.resume(client, options.pop("run", run_id), **options))
        return error.value.exit

    assert refused() == Exit.CONFLICT
    assert refused(run="temporal-resumed-nobody") == Exit.NOT_FOUND
    (place.folder / "hold-start").unlink()
    assert ending(place, run_id) == "completed"
    assert refused() == Exit.CONFLICT
    assert refused(new_run=True, step="nowhere") == Exit.USAGE


async def _until(condition) -> None:
    for _ in range(1800):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError
