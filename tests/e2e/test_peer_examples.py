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
    done = home.command(sys.executable, "-c", LOOK.format(flow=flow))
    assert done.returncode == 0, done.stderr
    run_id, successful, tasks = json.loads(done.stdout)
    public = [
        [step, {key: one for key, one in data.items() if key[0] != "_" and key != "name"}]
        for step, data in tasks
    ]
    return run_id, successful, sorted(public, key=lambda one: json.dumps(one, sort_keys=True))


def moved(served: Any, name: str, source: str, *options: str) -> None:
    """Do what the README says: `python NAME.py temporal create`, and `python NAME_worker.py` to serve it."""
    served.flow(f"{name}.py", source)
    words = ["temporal", "create", "--output", f"{name}_worker.py", *options]
    created = served.command(sys.executable, f"{name}.py", *words)
    assert created.returncode == 0, created.stderr
    served.serve(sys.executable, f"{name}_worker.py")


@pytest.mark.parametrize(
    ("name", "flow", "source", "given"),
    [
        ("my_flow", "SimpleFlow", SIMPLE, ()),
        ("branch_flow", "BranchFlow", BRANCH, ()),
        ("foreach_flow", "ForeachFlow", FOREACH, ()),
        ("param_flow", "ParamFlow", PARAM, ("greeting=world",)),
    ],
)
def test_flows_of_every_shape_run_as_with_run(
    served: Any, name: str, flow: str, source: str, given: tuple[str, ...]
) -> None:
    """`create --output`, the worker file, its `trigger name=value`; the values are those of `python flow.py run`."""
    moved(served, name, source)
    options = [f"--{one.replace('=', ' ')}".split() for one in given]
    local = served.command(sys.executable, f"{name}.py", "run", *(word for pair in options for word in pair))
    assert local.returncode == 0, local.stderr
    _, _, expected = look(served, flow)

    done = served.command(sys.executable, f"{name}_worker.py", "trigger", *given)
    assert done.returncode == 0, done.stderr
    (run_id,) = re.findall(r"^Workflow completed. Run ID: (temporal-[\w-]+)\n$", done.stdout)
    assert look(served, flow) == (run_id, True, expected)
    shown = asyncio.run(results(served.env["TEMPORAL_ADDRESS"], run_id))
    assert {one["task"].split("/")[2] for one in shown} == {step for step, _ in expected}
    for one in shown[-2:]:  # "copy the snippet from the Temporal UI"
        if one["artifacts"]:
            fetched = served.command(
                sys.executable, "-c", f"import metaflow; metaflow.namespace(None); print({one['fetch']})"
            )
            values = [data for step, data in expected if step == one["task"].split("/")[2]]
            assert fetched.stdout.rstrip("\n") in [str(data[one["artifacts"][0]]) for data in values]


def test_the_daily_flow_is_scheduled(served: Any, wait_until: Callable[..., None]) -> None:
    """Its worker needs nothing said of the schedule: the deployment is due every hour, and runs when it is."""
    moved(served, "daily_flow", DAILY)

    async def due_at() -> list[int]:
        client = await Client.connect(served.env["TEMPORAL_ADDRESS"])
        handle = client.get_schedule_handle("mftctl.DailyFlow")
        await handle.trigger()
        return [time.minute for time in (await handle.describe()).info.next_action_times]

    minutes = asyncio.run(due_at())
    assert len(minutes) > 1
    assert set(minutes) == {0}
    runs = [sys.executable, "daily_flow.py", "temporal", "list-runs", "--succeeded"]
    wait_until(lambda: "temporal-dailyflow" in served.command(*runs).stdout, "the scheduled run ends")
    run_id, successful, tasks = look(served, "DailyFlow")
    assert successful
    assert ["start", {"value": "scheduled"}] in tasks
    assert run_id.startswith("temporal-dailyflow-")


def test_the_downstream_flow_runs_when_the_upstream_flow_has_ended(
    served: Any, wait_until: Callable[..., None]
) -> None:
    """Two worker files, one trigger, one run of each; the second knows the first."""
    moved(served, "upstream_flow", UPSTREAM)
    moved(served, "downstream_flow", DOWNSTREAM)
    done = served.command(sys.executable, "upstream_flow_worker.py", "trigger")
    (run_id,) = re.findall(r"Run ID: (\S+)", done.stdout)
    runs = [sys.executable, "downstream_flow.py", "temporal", "list-runs", "--succeeded"]
    wait_until(lambda: "temporal-downstreamflow" in served.command(*runs).stdout, "the downstream run ends")
    _, successful, tasks = look(served, "DownstreamFlow")
    assert successful
    assert ["start", {"upstream": f"UpstreamFlow/{run_id}"}] in tasks
    assert len(served.command(*runs).stdout.split("temporal-downstreamflow")) == 2


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
