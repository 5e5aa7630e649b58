"""Flows and scripts that go through Metaflow's doors: the flow's own command line, and the Deployer."""

FLOW = """
import os, time
from metaflow import FlowSpec, IncludeFile, JSONType, Parameter, current, step

class {name}(FlowSpec):
    greeting = Parameter("greeting", default="hello")
    alpha = Parameter("alpha-x", type=float, default=0.5)
    flag = Parameter("flag", type=bool, default=False)
    spec = Parameter("spec", type=JSONType, default="[1]")
    note = IncludeFile("note", required=False)
    wait_for = Parameter("wait_for", default="")

    @step
    def start(self):
        self.namespace = current.namespace
        while self.wait_for and not os.path.exists(self.wait_for):
            time.sleep(0.1)
        self.next(self.middle)

    @step
    def middle(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    {name}()
"""
PROJECT = """
from metaflow import FlowSpec, project, step

@project(name="doors")
class BranchFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    BranchFlow()
"""
DEPLOYER = """
import asyncio, json, time
from metaflow import DeployedFlow, Deployer
from metaflow.exception import TemporalDeployerError

def completed(run):
    while run.run is None or not run.run.finished:  # in this process; each look of the Deployer's is a new one
        time.sleep(0.1)
    return run.run["start"].task.data

def code_of(doing):
    try:
        doing()
    except TemporalDeployerError as error:
        return error.code

def deploy(said, deployer):
    flow = deployer.create(tags=("a:b",), max_workers=7, user_namespace="mine")
    said["deployed"] = [flow.name, flow.flow_name, flow.deployer.additional_info["task_queue"], flow.production_token]
    first = flow.trigger(greeting="one", alpha_x=2.5, flag=True, spec={{"k": [1]}})
    data = completed(first)
    first.wait_for_completion(check_interval=0.5, timeout=60)
    said["first"] = [first.status, data.greeting, data.alpha, data.flag, data.spec]
    said["tags"] = sorted(first.run.user_tags)
    found = DeployedFlow.from_deployment(flow.name, impl="temporal")
    second = found.trigger(run_params=("greeting=two", "flag=True"))
    second.wait_for_run(check_interval=0.5, timeout=60)
    data = completed(second)
    said["second"] = [data.greeting, data.flag, data.alpha]
    resumed = flow.resume(origin_run_id=first.run_id, step_to_rerun="middle", greeting="three")
    completed(resumed)
    kept, again = resumed.run["start"].task, resumed.run["middle"].task
    said["resumed"] = [resumed.status, resumed.run_id != first.run_id, "origin-run-id" in kept.metadata_dict]
    said["renewed"] = [kept.data.greeting, again.data.greeting, again.data.alpha]
    said["by id"] = DeployedFlow.from_temporal(flow.id).name
    said["by deployer"] = Deployer({file!r}, show_output=False).temporal().from_deployment(flow.name).name
    said["again"] = DeployedFlow.get_triggered_temporal_run(flow.name, second.run_id).status
    said["succeeded"] = len(flow.list_runs(["SUCCEEDED"]))
    said["failed"] = len(flow.list_runs(["FAILED"]))
    said["listed"] = [one.name for one in DeployedFlow.list_temporal(flow_name=flow.flow_name)]
    said["over"] = first.terminate()
    return flow

def control_runs(said, flow):
    run = flow.trigger(wait_for={answers!r} + ".gate", tags=["x:y"])
    run.wait_for_run(check_interval=0.2, timeout=60)
    said["new"] = [run.suspend(), run.status, run.unsuspend()]
    began = time.monotonic()
    try:
        run.wait_for_completion(check_interval=60, timeout=1)
    except TimeoutError:
        said["waited"] = time.monotonic() - began
    said["ended"] = [
        run.terminate(), run.status, run.is_running, run.unsuspend(), len(flow.list_runs(["ABORTED"]))]
    return run

def err(said, flow, run, deployer):
    start = deployer.spm.run_command
    def start_and_wait(*words, **options):
        pid = start(*words, **options)
        deployer.spm.get(pid).process.wait()
        return pid
    deployer.spm.run_command = start_and_wait  # it has ended before its answer is read
    said["errors"] = [
        code_of(lambda: deployer.create(max_workers=0)),
        code_of(lambda: DeployedFlow.from_temporal("{{")),
        code_of(lambda: DeployedFlow.get_triggered_temporal_run(flow.name, "temporal-absent").status),
        code_of(lambda: setattr(run, "pathspec", "Other/" + run.run_id) or run.status),
    ]
    try:
        DeployedFlow.from_deployment("absent", impl="temporal")
    except RuntimeError as error:
        said["absent"] = [error.code, error.exit_code]

async def inside_a_loop():
    said = {{}}
    deployer = Deployer({file!r}, pylint=False, show_output=False).temporal(name={name!r})
    flow = deploy(said, deployer)
    err(said, flow, control_runs(said, flow), deployer)
    said["deleted"] = [flow.delete(), flow.delete(), flow.production_token]
    with open({answers!r}, "w") as file:
        json.dump(said, file)

asyncio.run(inside_a_loop())
"""
TYPED = """from metaflow import DeployedFlow, Deployer
from metaflow.exception import TemporalDeployerError

def typed() -> str:
    flow = Deployer("flow.py").temporal(name="train").create(tags=["a:b"])
    try:
        states: list[str] = [run.status for run in flow.list_runs(["FAILED"])]
    except TemporalDeployerError as error:
        return error.code
    Deployer("flow.py").temporal(nam="train")
    run = DeployedFlow.from_temporal(identifier="train").resume(step_to_rerun="fit")
    return run.run.pathspec if run.run else run.status + states[0]
"""
#: Prints what `python flow.py temporal COMMAND --help` says of each command, without the flow's own parameters.
HELPS = """
import json
from metaflow._vendor import click
from metaflow_extensions.temporal.plugins.temporal.command_group import cli

(group,) = cli.commands.values()
above = click.Context(group, info_name="temporal")
print(json.dumps({
    name: command.get_help(click.Context(command, above, name)) for name, command in group.commands.items()}))
"""
