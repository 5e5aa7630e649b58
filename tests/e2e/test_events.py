"""Flows that wait for events: other flows' runs, and what is told from outside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.client import Client

from mftctl.control.runs.lookup import list_runs

pytestmark = pytest.mark.xdist_group("events")

HEAD = """
import json
from metaflow import FlowSpec, Parameter, current, project, step, trigger, trigger_on_finish

def told():
    found = current.get("trigger")
    if found is None:
        return None
    runs = [run.pathspec for run in (found.runs or [])]
    return {"events": sorted(event.name for event in found.events), "runs": sorted(runs)}
"""
FLOW = """
{decorator}
class {name}(FlowSpec):
    color = Parameter("color", default="none")
    count = Parameter("count", default=0)

    @step
    def start(self):
        self.told = told()
        self.next(self.{end})

    @step
    def {end}(self):
        self.told_later = told()

if __name__ == "__main__":
    {name}()
"""
LOOK = """
import json, sys, metaflow
metaflow.namespace(None)
found = []
for name in sys.argv[1:]:
    try:
        flow = metaflow.Flow(name)
    except metaflow.exception.MetaflowNotFound:
        continue
    for run in flow:
        if run.successful:
            task = next(iter(run[run["_parameters"].task.metadata_dict.get("start_step", "start")]))
            triggers = task.metadata_dict.get("execution-triggers")
            found.append({"flow": name, "run": run.pathspec, "told": task.data.told, "color": task.data.color,
                          "count": task.data.count, "later": run.end_task.data.told_later,
                          "triggers": json.loads(triggers or "[]")})
print(json.dumps(found))
"""


PAIR = """@trigger(events=[
    {{"name": "{0}", "parameters": {{"color": "{1}"}}}}, {{"name": "{2}", "parameters": ["count"]}}])"""
SOURCE = """
from metaflow import FlowSpec, current, retry, step
from mftctl.events import publish

class SourceFlow(FlowSpec):
    @retry(times=1, minutes_between_retries=0)
    @step
    def start(self):
        publish("data.ready", {"color": "black", "count": 5})
        if current.retry_count == 0:
            raise ValueError("once more")
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    SourceFlow()
"""


class Place:
    """A home with flows that are deployed under names of their own, and a look at what their runs left."""

    def __init__(self, home: Any) -> None:
        self.home = home

    def deploy(
        self, name: str, decorator: str = "", *options: str, change: tuple[str, str] = ("", "")
    ) -> None:
        self.create(
            name, (HEAD + FLOW.format(name=name, decorator=decorator, end="end")).replace(*change), *options
        )

    def create(self, name: str, source: str, *options: str) -> None:
        file = self.home.flow(f"{name.lower()}.py", source)
        done = self.home.python(str(file), "--quiet", "temporal", "create", *options)
        assert done.returncode == 0, done.stderr

    def trigger(self, name: str) -> str:
        done = self.home.run("trigger", name, "--wait", "-o", "name")
        assert done.returncode == 0, done.stderr
        return str(done.stdout.strip())

    def publish(self, name: str, *words: str) -> Any:
        done = self.home.run("events", "publish", name, *words, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def described(self, event: str) -> str:
        return str(self.home.run("events", "describe", event).stdout)

    def ended(self, name: str) -> int:
        """How many runs of a deployment have ended well, as the server says without a process."""

        async def ask() -> int:
            client = await Client.connect(self.home.env["TEMPORAL_ADDRESS"])
            return len(await list_runs(client, deployment=name, statuses=("completed",)))

        return asyncio.run(ask())

    def runs(self, *flows: str) -> list[dict[str, Any]]:
        done = self.home.python("-c", LOOK, *flows)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found


def signal(server: str, deployment: str, *words: Any) -> None:
    """Signal something to a deployment's listener, with nothing but Temporal."""

    async def send() -> None:
        client = await Client.connect(server)
        await client.get_workflow_handle(f"mftctl.events.{deployment}").signal("event", args=words)

    asyncio.run(send())


@pytest.fixture
def place(served: Any) -> Place:
    """Flows of a test and a home for their runs."""
    return Place(served)


@pytest.fixture(scope="module")
def shared(lodging: Any) -> Place:
    """Flows of all tests that need one worker; what is told before it is there is told here."""
    place = Place(lodging)
    need = ('Parameter("color", default="none")', 'Parameter("color", required=True)')
    place.deploy("PaintFlow", PAIR.format("paint", "Colour", "stock"), change=need)
    assert place.publish("paint", "colour=blue", "--id", "1")["deployments"] == ["PaintFlow"]
    assert place.publish("paint", "colour=red", "--id", "2")["deployments"] == ["PaintFlow"]
    place.publish("stock", "count=7", "--id", "3")

    place.deploy("MovedFlow", PAIR.format("wet", "colour", "dry"))
    place.publish("wet", "colour=blue", "--id", "1")
    place.publish("dry", "count=1", "--id", "2")
    place.publish("wet", "colour=red", "--id", "3")
    place.deploy("MovedFlow", PAIR.format("wet", "colour", "dry"), "--task-queue", "moved")
    place.publish("dry", "count=1", "--id", "2")  # told before
    place.publish("dry", "count=2", "--id", "4")

    place.deploy("TopFlow")
    place.deploy("LeftFlow", "@trigger_on_finish(flow='TopFlow')")
    place.deploy("BottomFlow", "@trigger_on_finish(flows=['TopFlow', 'LeftFlow'])")
    place.deploy("SignalFlow", "@trigger(event='data.ready')")
    place.create("SourceFlow", SOURCE)
    names = ("Paint", "Moved", "Top", "Left", "Bottom", "Signal", "Source")
    lodging.worker(*(f"{name}Flow" for name in names))
    return place


def test_events_wait_for_each_other_and_for_a_worker(shared: Place, wait_until: Callable[..., None]) -> None:
    """Several events start one run when all have come, with their values, also if no worker was there to hear them."""
    wait_until(lambda: shared.ended("PaintFlow"), "the run has ended")
    shared.publish("paint", "colour=green", "--id", "2")  # told before
    shared.publish("stock", "count=8", "--id", "3")
    shared.publish("paint", "colour=grey", "--id", "4")
    wait_until(
        lambda: '"come"' in shared.home.run("events", "list", "-o", "json").stdout, "the event has come"
    )
    (run,) = shared.runs("PaintFlow")
    assert (run["color"], run["count"]) == ("red", 7)
    # What lacks the field of a required parameter is told of, and does not count: what came before still waits.
    shared.publish("paint", "shade=dark", "--id", "6")
    wait_until(lambda: "has no field 'Colour'" in shared.described("paint"), "it is told of")
    shared.publish("stock", "count=9", "--id", "5")
    wait_until(lambda: shared.ended("PaintFlow") == 2, "the second run has ended")
    assert shared.runs("PaintFlow")[0]["color"] == "grey"


def test_events_move_with_the_deployment(shared: Place, wait_until: Callable[..., None]) -> None:
    """A deployment that moves to another task queue keeps the events that wait, also if no worker is there to ask."""
    wait_until(lambda: shared.ended("MovedFlow") == 2, "both pairs have run")
    assert sorted((one["color"], one["count"]) for one in shared.runs("MovedFlow")) == [
        ("blue", 1),
        ("red", 2),
    ]


def test_a_chain_and_a_diamond_run_once_each(shared: Place, wait_until: Callable[..., None]) -> None:
    """A run that ends well starts the flows that wait for it, once each, and they know which run it was."""
    run = shared.trigger("TopFlow")
    wait_until(lambda: shared.ended("BottomFlow"), "the last flow has run")
    runs = {one["flow"]: one for one in shared.runs("LeftFlow", "BottomFlow")}
    assert len(shared.runs("LeftFlow", "BottomFlow")) == 2
    top = {"events": ["metaflow.TopFlow.end"], "runs": [f"TopFlow/{run}"]}
    assert runs["LeftFlow"]["told"] == runs["LeftFlow"]["later"] == top
    assert runs["BottomFlow"]["told"] == {
        "events": ["metaflow.LeftFlow.end", "metaflow.TopFlow.end"],
        "runs": sorted((runs["LeftFlow"]["run"], f"TopFlow/{run}")),
    }
    (kept,) = runs["LeftFlow"]["triggers"]
    assert (kept["name"], kept["type"]) == ("metaflow.TopFlow.end", "run")
    assert kept["id"] == f"TopFlow/{run}/end/temporal-end-0"


def test_one_event_sets_the_parameters_that_are_called_as_its_fields(
    shared: Place, server: str, wait_until: Callable[..., None]
) -> None:
    """Without a mapping fields go by their names; a value of the wrong type starts no run and is told of."""
    payload = {"color": "pink", "count": 3}
    signal(server, "SignalFlow", {"name": "data.ready", "payload": payload})
    wait_until(lambda: shared.ended("SignalFlow"), "the run has ended")
    (run,) = shared.runs("SignalFlow")
    assert (run["color"], run["count"]) == ("pink", 3)
    shared.publish("data.ready", "count=many")
    wait_until(lambda: "not started" in shared.described("data.ready"), "the bad value is told of")
    assert "'count' is of type int" in shared.described("data.ready")


def test_what_is_no_event_stops_none(shared: Place, server: str, wait_until: Callable[..., None]) -> None:
    """A signal that is no event, and one whose run cannot start, are told of; the events behind them are taken."""
    before = shared.ended("SignalFlow")
    signal(server, "SignalFlow", {"name": "data.ready", "payload": ["count", 3]})
    wait_until(
        lambda: "its payload is not an object" in shared.described("data.ready"), "what is wrong is told of"
    )
    signal(server, "SignalFlow")
    wait_until(
        lambda: "it is not a JSON object" in shared.described("data.ready"), "a signal without any is told of"
    )
    payload = {"color": "x" * 120_000, "count": "9" * 5_000}
    signal(server, "SignalFlow", {"name": "data.ready", "payload": payload})
    shared.publish("data.ready", "color=fine")
    wait_until(lambda: shared.ended("SignalFlow") > before, "the event behind has its run")
    colors = [one["color"] for one in shared.runs("SignalFlow")]
    assert (colors[0], len(colors)) == ("fine", before + 1)
    done = shared.home.run(
        "events", "publish", "data.ready", "color=" + "x" * 70_000, "count=" + "1" * 70_000
    )
    assert done.returncode == 2
    assert "131072 are allowed" in done.stderr


def test_a_step_publishes_once_however_often_it_is_tried(
    shared: Place, wait_until: Callable[..., None]
) -> None:
    """An event published from a step that is retried starts one run, on the server that runs the step."""
    before = shared.ended("SignalFlow")
    shared.trigger("SourceFlow")
    shared.publish("data.ready", "color=last")
    wait_until(lambda: shared.ended("SignalFlow") >= before + 2, "the last has run")
    runs = shared.runs("SignalFlow")
    assert len(runs) == before + 2
    assert sorted((one["color"], one["count"]) for one in runs[:2]) == [("black", 5), ("last", 0)]


@pytest.mark.soak
def test_projects_and_branches_hear_of_their_own(place: Place, wait_until: Callable[..., None]) -> None:
    """@trigger_on_finish in a project means the flow of the same project and branch, unless it names another."""
    project = "@project(name='shop')"
    place.deploy("SaleFlow", project)
    place.deploy("SaleFlow", project, "--branch", "try")
    place.deploy("CountFlow", f"{project}\n@trigger_on_finish(flow='SaleFlow')")
    place.deploy("AuditFlow", "@trigger_on_finish(flow='shop.test.try.SaleFlow')")
    place.home.worker("--all")
    place.trigger("shop.user.tester.SaleFlow")
    wait_until(lambda: place.runs("CountFlow"), "the flow of the same branch has run")
    assert place.runs("AuditFlow") == []
    place.trigger("shop.test.try.SaleFlow")
    wait_until(lambda: place.runs("AuditFlow"), "the flow that names the branch has run")
    assert len(place.runs("CountFlow")) == 1


@pytest.mark.parametrize(
    ("decorator", "words"),
    [
        ("@trigger(event='a b')", "'a b' is not a valid event name"),
        (
            "@trigger(event={'name': 'a', 'parameters': {'size': 'b'}})",
            "'size', which the flow does not have",
        ),
        ("@trigger(event='a')\n@trigger_on_finish(flow='TopFlow')", "both @trigger and @trigger_on_finish"),
        ("@trigger(events=['a', 'b'], options={'reset_at': {'cron': '0 0 * * *'}})", "option reset_at"),
    ],
)
def test_what_never_comes_is_refused(lodging: Any, decorator: str, words: str) -> None:
    """Triggers that could not work are refused at deploy."""
    file = lodging.flow("f.py", HEAD + FLOW.format(name="BadFlow", decorator=decorator, end="end"))
    done = lodging.python(str(file), "--quiet", "temporal", "create")
    assert done.returncode == 2
    assert words in done.stderr


def test_an_event_that_nobody_waits_for(lodging: Any) -> None:
    """It may be told of, and starts nothing."""
    done = lodging.run("events", "publish", "nobody.cares")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no deployment waits for nobody.cares" in done.stderr
    assert lodging.run("events", "describe", "nobody.cares").returncode == 4
    assert lodging.run("events", "publish", "no body").returncode == 2
