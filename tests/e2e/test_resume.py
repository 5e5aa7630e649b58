"""A run that ended badly goes on where it was: what finished is kept, task by task."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
from temporalio.client import Client

from mftctl import ids
from mftctl.control import deployments, found, runs, steering

pytestmark = pytest.mark.xdist_group("resume")
FINISHED = Path(__file__).resolve().parents[1] / "fidelity" / "finished.py"

FLOW = """
import os, time
from metaflow import FlowSpec, current, step

def effect(flow, *where):
    place = f"PLACE/{current.run_id}"
    label = "-".join(map(str, (current.step_name, *where)))
    if os.path.exists(f"{place}/fail-{label}"):
        raise RuntimeError(f"{label} fails")
    while os.path.exists(f"{place}/hold-{label}"):
        open(f"{place}/held-{label}", "w").close()
        time.sleep(0.01)
    with open(f"{place}/effects", "a") as effects:
        effects.write(f"{current.step_name}/{current.task_id}\\n")

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
        self.next(self.many, self.outer, self.side)

    @step
    def side(self):
        self.got = "side"
        effect(self)
        self.next(self.join)

    @step
    def many(self):
        self.items = list(range(20))
        effect(self)
        self.next(self.piece, foreach="items")

    @step
    def piece(self):
        self.got = self.input * 2
        effect(self, self.index)
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.got = [one.got for one in inputs]
        effect(self)
        self.next(self.join)

    @step
    def outer(self):
        self.items = [1, 2]
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

if __name__ == "__main__":
    Resumed()
"""


class Stage:
    """A home with flows deployed and served, and what is done there to runs of them."""

    def __init__(self, home):
        self.home = home
        self.folder = home.folder.parent / "runs"
        self.folder.mkdir()

    def deploy(self, name: str, source: str) -> None:
        self.home.flow(name, source.replace("PLACE", str(self.folder)))
        done = self.home.run("deploy", name)
        assert done.returncode == 0, done.stderr

    def act(self, doing):
        """The result of an asynchronous function of a client."""

        async def acted():
            return await doing(await Client.connect(self.home.env["TEMPORAL_ADDRESS"]))

        return asyncio.run(acted())

    def begin(self, flow: str = "Resumed", *, fail=(), hold=(), **parameters: str) -> str:
        """A run of which some tasks fail or wait as long as there is a file of theirs."""
        run_id = ids.new_run_id(flow)
        (self.folder / run_id).mkdir()
        for kind, labels in (("fail", fail), ("hold", hold)):
            for label in labels:
                (self.folder / run_id / f"{kind}-{label}").touch()

        async def started(client):
            manifest = await deployments.find(client, flow)
            return await runs.start(client, manifest, parameters, run_id=run_id)

        return self.act(started)

    def file(self, run_id: str, name: str) -> Path:
        return self.folder / run_id / name

    def ending(self, run_id: str) -> str:
        """How the run ends, once it has."""
        return self.act(lambda client: runs.outcome(client.get_workflow_handle(run_id))).status

    def resume(self, run_id: str, **options) -> str:
        return self.act(lambda client: steering.resume(client, run_id, **options))

    def status(self, run_id: str) -> str:
        return self.act(lambda client: found.describe(client, run_id)).status

    def finished(self, *pathspecs: str) -> list[dict]:
        """What finished.py says of the runs."""
        done = self.home.command("python", str(FINISHED), *pathspecs)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def effects(self, run_id: str) -> Counter:
        """How often each task has had its effect, by its step and id."""
        file = self.file(run_id, "effects")
        return Counter(file.read_text().splitlines() if file.exists() else [])

    def check_whole(self, pathspec: str, expected: dict) -> dict:
        """Each task has finished once, with the artifacts of a run that never failed, and had its effect once."""
        (dump,) = self.finished(pathspec)
        assert dump["successful"]
        assert dump["tasks"].keys() == expected["tasks"].keys()
        effects = self.effects(pathspec.split("/")[1])
        for key, tasks in dump["tasks"].items():
            assert len(tasks) == 1, key
            assert tasks[0]["artifacts"] == expected["tasks"][key][0]["artifacts"], key
            assert effects[f"{key.split('[')[0].split('~')[0]}/{tasks[0]['id']}"] == 1, key
        return dump


@pytest.fixture(scope="module")
def stage(lodging) -> Stage:
    """A stage with the flow."""
    stage = Stage(lodging)
    stage.deploy("resumed.py", FLOW)
    lodging.worker("--all")
    return stage


@pytest.fixture(scope="module")
def whole(stage) -> dict:
    """What a run that never failed leaves behind."""
    run_id = stage.begin()
    assert stage.ending(run_id) == "completed"
    (dump,) = stage.finished(f"Resumed/{run_id}")
    return dump


def test_only_what_did_not_finish_runs_again(stage, whole):
    """However often and wherever a run fails, each resume goes on there, and it ends as one that never failed."""
    fails = ["loop-2", "fork", "side", "piece-13", "body-2-1", "join_inner-1", "gather", "join", "end"]
    run_id = stage.begin(fail=fails)
    while fails:
        assert stage.ending(run_id) == "failed"
        ended = stage.act(lambda client: runs.outcome(client.get_workflow_handle(run_id)))
        (label,) = (one for one in fails if ended.message.endswith(f"{one} fails"))
        fails.remove(label)
        stage.file(run_id, f"fail-{label}").unlink()
        assert stage.resume(run_id) == run_id
    assert stage.ending(run_id) == "completed"
    assert stage.status(run_id) == "completed"
    stage.check_whole(f"Resumed/{run_id}", whole)
