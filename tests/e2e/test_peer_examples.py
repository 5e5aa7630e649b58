"""The flows of metaflow-temporal's README, each with the command lines that stand there."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.client import Client

pytestmark = pytest.mark.xdist_group("peer_examples")

SIMPLE = """
from metaflow import FlowSpec, step
class SimpleFlow(FlowSpec):
    @step
    def start(self):
        self.value = 42
        self.next(self.end)
    @step
    def end(self): pass
if __name__ == "__main__":
    SimpleFlow()
"""
BRANCH = """
from metaflow import FlowSpec, step
class BranchFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.branch_a, self.branch_b)
    @step
    def branch_a(self):
        self.side = "a"
        self.next(self.join)
    @step
    def branch_b(self):
        self.side = "b"
        self.next(self.join)
    @step
    def join(self, inputs):
        self.sides = sorted(one.side for one in inputs)
        self.next(self.end)
    @step
    def end(self): pass
if __name__ == "__main__":
    BranchFlow()
"""
FOREACH = """
from metaflow import FlowSpec, step
class ForeachFlow(FlowSpec):
    @step
    def start(self):
        self.items = ["alpha", "beta", "gamma"]
        self.next(self.process, foreach="items")
    @step
    def process(self):
        self.doubled = self.input * 2
        self.next(self.join)
    @step
    def join(self, inputs):
        self.all = [one.doubled for one in inputs]
        self.next(self.end)
    @step
    def end(self): pass
if __name__ == "__main__":
    ForeachFlow()
"""
PARAM = """
from metaflow import FlowSpec, Parameter, step
class ParamFlow(FlowSpec):
    greeting = Parameter("greeting", default="hello")
    @step
    def start(self):
        self.said = self.greeting + "!"
        self.next(self.end)
    @step
    def end(self): pass
if __name__ == "__main__":
    ParamFlow()
"""
DAILY = """
from metaflow import FlowSpec, schedule, step
@schedule(hourly=True) # or daily=True, weekly=True, cron="0 6 * * ? *"
class DailyFlow(FlowSpec):
    @step
    def start(self):
        self.value = "scheduled"
        self.next(self.end)
    @step
    def end(self): pass
if __name__ == "__main__":
    DailyFlow()
"""
UPSTREAM = SIMPLE.replace("SimpleFlow", "UpstreamFlow")
DOWNSTREAM = """
from metaflow import FlowSpec, current, step, trigger_on_finish
@trigger_on_finish(flow="UpstreamFlow")
class DownstreamFlow(FlowSpec):
    @step
    def start(self):
        self.upstream = current.trigger.run.pathspec
        self.next(self.end)
    @step
    def end(self): pass
if __name__ == "__main__":
    DownstreamFlow()
"""
#: Each under the name of its file.
FLOWS = {
    "my_flow": SIMPLE,
    "branch_flow": BRANCH,
    "foreach_flow": FOREACH,
    "param_flow": PARAM,
    "daily_flow": DAILY,
    "upstream_flow": UPSTREAM,
    "downstream_flow": DOWNSTREAM,
}
#: Prints the artifacts of all tasks of a flow's newest run: pairs of a step and a task's values, in order.
LOOK = """
import json, metaflow
metaflow.namespace(None)
run = next(iter(metaflow.Flow({flow!r}).runs()))
print(json.dumps([run.id, run.successful, [
    [step.id, {{one.id: one.data for one in task}}] for step in run for task in step
    if step.id != "_parameters"]], default=str))
"""


def look(home: Any, flow: str) -> tuple[str, bool, list[Any]]:
    """Run id, success and values of the flow's newest run, as Metaflow's Client has them."""
    done = home.python("-c", LOOK.format(flow=flow))
    assert done.returncode == 0, done.stderr
    run_id, successful, tasks = json.loads(done.stdout)
    public = [
        [step, {key: one for key, one in data.items() if key[0] != "_" and key != "name"}]
        for step, data in tasks
    ]
    return run_id, successful, sorted(public, key=lambda one: json.dumps(one, sort_keys=True))


@pytest.fixture(scope="module")
def moved(lodging: Any) -> Any:
    """Do what the README says, with `python NAME.py temporal create` for each flow; one worker serves them all."""
    names = []
    for name, source in FLOWS.items():
        lodging.flow(f"{name}.py", source)
        words = [f"{name}.py", "temporal", "create", "--output", f"{name}_worker.py"]
        # The first as on a command line, the others where Metaflow is imported.
        created = lodging.python(*words) if names else lodging.command(sys.executable, *words)
        assert created.returncode == 0, created.stderr
        names += re.findall(r"class (\w+)", source)
    lodging.serve(sys.executable, "param_flow_worker.py")
    lodging.worker(*(name for name in names if name != "ParamFlow"))
    return lodging


@pytest.mark.parametrize(
    ("name", "flow", "expected"),
    [
        ("my_flow", "SimpleFlow", [["end", {"value": 42}], ["start", {"value": 42}]]),
        (
            "branch_flow",
            "BranchFlow",
            [
                ["branch_a", {"side": "a"}],
                ["branch_b", {"side": "b"}],
                ["end", {"sides": ["a", "b"]}],
                ["join", {"sides": ["a", "b"]}],
                ["start", {}],
            ],
        ),
        (
            "foreach_flow",
            "ForeachFlow",
            [
                ["end", {"all": ["alphaalpha", "betabeta", "gammagamma"]}],
                ["join", {"all": ["alphaalpha", "betabeta", "gammagamma"]}],
                *(
                    ["process", {"doubled": one * 2, "items": ["alpha", "beta", "gamma"]}]
                    for one in ("alpha", "beta", "gamma")
                ),
                ["start", {"items": ["alpha", "beta", "gamma"]}],
            ],
        ),
        ("param_flow", "ParamFlow", None),
    ],
)
def test_flows_of_every_shape_run_as_with_run(moved: Any, name: str, flow: str, expected: Any) -> None:
    """`create --output`, the worker file, its `trigger name=value`; the values are those of `python flow.py run`.

    That is asked of the last of them, the others are in the fidelity suite as well.
    """
    given: tuple[str, ...] = ()
    if expected is None:
        given = ("greeting=world",)
        local = moved.python(f"{name}.py", "run", "--greeting", "world")
        assert local.returncode == 0, local.stderr
        _, _, expected = look(moved, flow)

    done = moved.python(f"{name}_worker.py", "trigger", *given)
    assert done.returncode == 0, done.stderr
    (run_id,) = re.findall(r"^Workflow completed. Run ID: (temporal-[\w-]+)\n$", done.stdout)
    assert look(moved, flow) == (run_id, True, expected)
    shown = asyncio.run(results(moved.env["TEMPORAL_ADDRESS"], run_id))
    assert {one["task"].split("/")[2] for one in shown} == {step for step, _ in expected}
    for one in shown[-2:]:  # "copy the snippet from the Temporal UI"
        if one["artifacts"]:
            fetched = moved.python("-c", f"import metaflow; metaflow.namespace(None); print({one['fetch']})")
            values = [data for step, data in expected if step == one["task"].split("/")[2]]
            assert fetched.stdout.rstrip("\n") in [str(data[one["artifacts"][0]]) for data in values]


def test_the_daily_flow_is_scheduled(moved: Any, wait_until: Callable[..., None]) -> None:
    """Its worker needs nothing said of the schedule: the deployment is due every hour, and runs when it is."""

    async def due_at() -> list[int]:
        client = await Client.connect(moved.env["TEMPORAL_ADDRESS"])
        handle = client.get_schedule_handle("mftctl.DailyFlow")
        await handle.trigger()
        return [time.minute for time in (await handle.describe()).info.next_action_times]

    minutes = asyncio.run(due_at())
    assert len(minutes) > 1
    assert set(minutes) == {0}
    runs = ["daily_flow.py", "temporal", "list-runs", "--succeeded"]
    wait_until(lambda: ended(moved, "DailyFlow"), "the scheduled run ends")
    assert "temporal-dailyflow" in moved.python(*runs).stdout
    run_id, successful, tasks = look(moved, "DailyFlow")
    assert successful
    assert ["start", {"value": "scheduled"}] in tasks
    assert run_id.startswith("temporal-dailyflow-")


def test_the_downstream_flow_runs_when_the_upstream_flow_has_ended(
    moved: Any, wait_until: Callable[..., None]
) -> None:
    """Two flows, one trigger, one run of each; the second knows the first."""
    done = moved.python("upstream_flow_worker.py", "trigger")
    (run_id,) = re.findall(r"Run ID: (\S+)", done.stdout)
    runs = ["downstream_flow.py", "temporal", "list-runs", "--succeeded"]
    wait_until(lambda: ended(moved, "DownstreamFlow"), "the downstream run ends")
    _, successful, tasks = look(moved, "DownstreamFlow")
    assert successful
    assert ["start", {"upstream": f"UpstreamFlow/{run_id}"}] in tasks
    assert len(moved.python(*runs).stdout.split("temporal-downstreamflow")) == 2


def ended(home: Any, name: str) -> bool:
    """Whether a run of the deployment has ended well."""
    return bool(home.run("runs", "list", "--deployment", name, "--status", "completed", "-o", "name").stdout)


async def results(address: str, run_id: str) -> list[dict[str, Any]]:
    """What Temporal's UI shows as the results of a run's activities."""
    client = await Client.connect(address)
    found = []
    async for event in client.get_workflow_handle(run_id).fetch_history_events():
        if event.HasField("activity_task_completed_event_attributes"):
            payloads = event.activity_task_completed_event_attributes.result.payloads
            found += [
                one
                for one in await client.data_converter.decode(payloads)
                if isinstance(one, dict) and one.get("fetch")
            ]
    return found
