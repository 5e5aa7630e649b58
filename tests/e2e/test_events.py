"""Flows that wait for events: other flows' runs, and what is told from outside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.client import Client

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


class Place:
    """A home with flows that are deployed under names of their own, and a look at what their runs left."""

    def __init__(self, home: Any) -> None:
        self.home = home

    def deploy(self, name: str, decorator: str = "", *options: str, end: str = "end") -> Any:
        source = HEAD + FLOW.format(name=name, decorator=decorator, end=end)
        if end != "end":
            source = source.replace("@step\n    def done", "@step(end=True)\n    def done")
        file = self.home.flow(f"{name.lower()}.py", source)
        done = self.home.run("deploy", str(file), *options, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def trigger(self, name: str) -> str:
        done = self.home.run("trigger", name, "--wait", "-o", "name")
        assert done.returncode == 0, done.stderr
        return str(done.stdout.strip())

    def publish(self, name: str, *words: str) -> Any:
        done = self.home.run("events", "publish", name, *words, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def runs(self, *flows: str) -> list[dict[str, Any]]:
        done = self.home.command("python", "-c", LOOK, *flows)
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


def test_a_chain_and_a_diamond_run_once_each(place: Place, wait_until: Callable[..., None]) -> None:
    """A run that ends well starts the flows that wait for it, once each, and they know which run it was."""
    place.deploy("TopFlow")
    place.deploy("LeftFlow", "@trigger_on_finish(flow='TopFlow')")
    place.deploy("RightFlow", "@trigger_on_finish(flow='TopFlow')")
    place.deploy("BottomFlow", "@trigger_on_finish(flows=['LeftFlow', 'RightFlow'])")
    place.home.worker("--all")
    run = place.trigger("TopFlow")
    wait_until(lambda: place.runs("BottomFlow"), "the last flow has run")
    runs = {one["flow"]: one for one in place.runs("LeftFlow", "RightFlow", "BottomFlow")}
    assert len(place.runs("LeftFlow", "RightFlow", "BottomFlow")) == 3
    top = {"events": ["metaflow.TopFlow.end"], "runs": [f"TopFlow/{run}"]}
    assert runs["LeftFlow"]["told"] == runs["RightFlow"]["told"] == top
    assert runs["LeftFlow"]["later"] == top
    assert runs["BottomFlow"]["told"] == {
        "events": ["metaflow.LeftFlow.end", "metaflow.RightFlow.end"],
        "runs": sorted((runs["LeftFlow"]["run"], runs["RightFlow"]["run"])),
    }
    (kept,) = runs["LeftFlow"]["triggers"]
    assert (kept["name"], kept["type"]) == ("metaflow.TopFlow.end", "run")
    assert kept["id"] == f"TopFlow/{run}/end/temporal-end-0"


def test_events_wait_for_each_other_and_for_a_worker(place: Place, wait_until: Callable[..., None]) -> None:
    """Several events start one run when all have come, with their values, also if no worker was there to hear them."""
    decorator = """@trigger(events=[
        {"name": "paint", "parameters": {"color": "colour"}}, {"name": "stock", "parameters": ["count"]}])"""
    place.deploy("PaintFlow", decorator)
    assert place.publish("paint", "colour=blue", "--id", "1")["deployments"] == ["PaintFlow"]
    assert place.publish("paint", "colour=red", "--id", "2")["deployments"] == ["PaintFlow"]
    place.publish("stock", "count=7", "--id", "3")
    place.home.worker("PaintFlow")
    wait_until(lambda: place.runs("PaintFlow"), "the run has ended")
    place.publish("paint", "colour=green", "--id", "2")  # told before
    place.publish("stock", "count=8", "--id", "3")
    place.publish("paint", "colour=grey", "--id", "4")
    wait_until(
        lambda: '"come"' in place.home.run("events", "list", "-o", "json").stdout, "the event has come"
    )
    (run,) = place.runs("PaintFlow")
    assert (run["color"], run["count"]) == ("red", 7)
    place.publish("stock", "count=9", "--id", "5")
    wait_until(lambda: len(place.runs("PaintFlow")) == 2, "the second run has ended")
    assert place.runs("PaintFlow")[0]["color"] == "grey"


def test_one_event_sets_the_parameters_that_are_called_as_its_fields(
    place: Place, server: str, wait_until: Callable[..., None]
) -> None:
    """Without a mapping fields go by their names; a value of the wrong type starts no run and is told of."""
    place.deploy("SignalFlow", "@trigger(event='data.ready')")
    place.home.worker("SignalFlow")

    payload = {"color": "pink", "count": 3}
    signal(server, "SignalFlow", {"name": "data.ready", "payload": payload})
    wait_until(lambda: place.runs("SignalFlow"), "the run has ended")
    (run,) = place.runs("SignalFlow")
    assert (run["color"], run["count"]) == ("pink", 3)
    place.publish("data.ready", "count=many")

    def described() -> str:
        return str(place.home.run("events", "describe", "data.ready").stdout)

    wait_until(lambda: "not started" in described(), "the bad value is told of")
    assert "'count' is of type int" in described()


def test_an_event_without_what_is_required_does_not_count(
    place: Place, wait_until: Callable[..., None]
) -> None:
    """An event that lacks the field of a required parameter is told of, and those that came before it still wait."""
    decorator = """@trigger(events=[
        {"name": "size", "parameters": {"count": "Many"}}, {"name": "dye", "parameters": {"color": "hue"}}])"""
    source = HEAD + FLOW.format(name="NeedyFlow", decorator=decorator, end="end")
    source = source.replace('Parameter("color", default="none")', 'Parameter("color", required=True)')
    done = place.home.run("deploy", str(place.home.flow("needyflow.py", source)))
    assert done.returncode == 0, done.stderr
    place.home.worker("NeedyFlow")
    place.publish("size", "many=4")
    place.publish("dye", "shade=dark")
    wait_until(
        lambda: "has no field 'hue'" in place.home.run("events", "describe", "dye").stdout, "it is told"
    )
    place.publish("dye", "hue=teal")
    wait_until(lambda: place.runs("NeedyFlow"), "the pair has its run")
    (run,) = place.runs("NeedyFlow")
    assert (run["color"], run["count"]) == ("teal", 4)


def test_what_is_no_event_stops_none(place: Place, server: str, wait_until: Callable[..., None]) -> None:
    """A signal that is no event, and one whose run cannot start, are told of; the events behind them are taken."""
    place.deploy("StrictFlow", "@trigger(event='strict')")
    place.home.worker("StrictFlow")

    def described() -> str:
        return str(place.home.run("events", "describe", "strict").stdout)

    signal(server, "StrictFlow", {"name": "strict", "payload": ["count", 3]})
    wait_until(lambda: "its payload is not an object" in described(), "what is wrong with it is told of")
    signal(server, "StrictFlow")
    wait_until(lambda: "it is not a JSON object" in described(), "a signal without anything is told of")
    payload = {"color": "x" * 120_000, "count": "9" * 5_000}
    signal(server, "StrictFlow", {"name": "strict", "payload": payload})
    place.publish("strict", "color=fine")
    wait_until(lambda: place.runs("StrictFlow"), "the event behind them has its run")
    assert place.runs("StrictFlow")[0]["color"] == "fine"
    done = place.home.run("events", "publish", "strict", "color=" + "x" * 70_000, "count=" + "1" * 70_000)
    assert done.returncode == 2
    assert "131072 are allowed" in done.stderr


def test_events_move_with_the_deployment(place: Place, wait_until: Callable[..., None]) -> None:
    """A deployment that moves to another task queue keeps the events that wait, also if no worker is there to ask."""
    decorator = """@trigger(events=[
        {"name": "wet", "parameters": {"color": "colour"}}, {"name": "dry", "parameters": ["count"]}])"""
    place.deploy("MovedFlow", decorator)
    place.publish("wet", "colour=blue", "--id", "1")
    place.publish("dry", "count=1", "--id", "2")
    place.publish("wet", "colour=red", "--id", "3")
    place.deploy("MovedFlow", decorator, "--task-queue", "moved")
    place.publish("dry", "count=1", "--id", "2")  # told before
    place.publish("dry", "count=2", "--id", "4")
    place.home.worker("MovedFlow")
    wait_until(lambda: len(place.runs("MovedFlow")) == 2, "both pairs have run")
    assert sorted((one["color"], one["count"]) for one in place.runs("MovedFlow")) == [
        ("blue", 1),
        ("red", 2),
    ]


def test_a_step_publishes_once_however_often_it_is_tried(
    place: Place, wait_until: Callable[..., None]
) -> None:
    """An event published from a step that is retried starts one run, on the server that runs the step."""
    place.deploy("HeardFlow", "@trigger(event='from.step')")
    source = """
from metaflow import FlowSpec, current, retry, step
from mftctl.events import publish

class SourceFlow(FlowSpec):
    @retry(times=1, minutes_between_retries=0)
    @step
    def start(self):
        publish("from.step", {"color": "black", "count": 5})
        if current.retry_count == 0:
            raise ValueError("once more")
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    SourceFlow()
"""
    place.home.worker("HeardFlow")
    done = place.home.run("run", str(place.home.flow("source.py", source)))
    assert done.returncode == 0, done.stderr
    place.publish("from.step", "color=last")
    wait_until(lambda: any(one["color"] == "last" for one in place.runs("HeardFlow")), "the last has run")
    assert sorted((one["color"], one["count"]) for one in place.runs("HeardFlow")) == [
        ("black", 5),
        ("last", 0),
    ]


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
        ("@trigger(event='a b')", "'a b' is no name of an event"),
        (
            "@trigger(event={'name': 'a', 'parameters': {'size': 'b'}})",
            "'size', which the flow does not have",
        ),
        ("@trigger(event='a')\n@trigger_on_finish(flow='TopFlow')", "both @trigger and @trigger_on_finish"),
        ("@trigger(events=['a', 'b'], options={'reset_at': {'cron': '0 0 * * *'}})", "options reset_at"),
    ],
)
def test_what_never_comes_is_refused(served: Any, decorator: str, words: str) -> None:
    """Triggers that could not work are refused at deploy."""
    file = served.flow("f.py", HEAD + FLOW.format(name="BadFlow", decorator=decorator, end="end"))
    done = served.run("deploy", str(file))
    assert done.returncode == 2
    assert words in done.stderr


def test_an_event_that_nobody_waits_for(served: Any) -> None:
    """It may be told of, and starts nothing."""
    done = served.run("events", "publish", "nobody.cares")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no deployment waits for nobody.cares" in done.stderr
    assert served.run("events", "describe", "nobody.cares").returncode == 4
    assert served.run("events", "publish", "no body").returncode == 2
