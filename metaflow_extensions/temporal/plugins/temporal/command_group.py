"""The command group `temporal` of a flow's command line: the options; mftctl implements the commands."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from metaflow import parameters
from metaflow._vendor import click

from . import common_options as options
from .create_options import CREATE_OPTIONS
from .parameter_options import TriggerCommand, given_parameters

_RUN_PARAM = click.option(
    "--run-param", "run_params", multiple=True, default=None, help="Value of a parameter, NAME=VALUE."
)
_RUN_ID = click.argument("run_id", required=True, type=str)


@click.group()
def cli() -> None:
    """The group that Metaflow adds to a flow's command line."""


@cli.group(help="Commands related to Temporal.")
@options.name
@click.option("--deployment", default=None, hidden=True, help="Full name of an existing deployment.")
@options.server
@click.pass_obj
def temporal(obj: Any, **given: Any) -> None:
    """Keep the group's options for the command."""
    obj.temporal = given


@parameters.add_custom_parameters(deploy_mode=False)
@temporal.command(cls=TriggerCommand, help="Start a run of the deployment.")
@_RUN_PARAM
@click.option("--run-id", default=None, help="Id of the run; a second trigger with it starts no second run.")
@options.run_id_file
@click.option("--task-queue", default=None, help="Task queue of this run (default: the deployment's).")
@options.workflow_timeout
@options.name
@click.option("--tag", "tags", multiple=True, default=None, help="Tag the run; may be repeated.")
@options.common
@click.pass_obj
def trigger(obj: Any, **given: Any) -> None:
    """Start a run."""
    _run("flow_deployments", "trigger", obj, given, given_parameters(obj.flow, given))


def _add(module: str, name: str, summary: str, *own: options.Decorator) -> None:
    """Add a command, with options of its ``own``, that a module of ``mftctl.metaflow_cli`` implements."""

    @temporal.command(name.replace("_", "-"), help=summary)
    @options.each(*own, options.common)
    @click.pass_obj
    def command(obj: Any, **given: Any) -> None:
        _run(module, name, obj, given)


_add(
    "create",
    "create",
    "Deploy a new version of this flow; with FILE, also write a worker file.",
    click.argument("file", required=False, default=None, type=str),
    click.option("--output", "-o", default=None, help="Also write a worker file."),
    click.option("--only-json", is_flag=True, default=False, help="Print the manifest; deploy nothing."),
    *CREATE_OPTIONS,
)
_add(
    "flow_runs",
    "resume",
    "Resume a failed or stopped run; finished tasks keep their results.",
    _RUN_ID,
    click.option("--step", default=None, help="Run this step and all steps after it again."),
    click.option(
        "--new-run", is_flag=True, help="Resume as a new run that reuses the results of the old one."
    ),
    click.option("--latest-code", is_flag=True, help="Use the current version of the deployment."),
    click.option("--force", is_flag=True, help="Resume even if compensations have undone finished tasks."),
    _RUN_PARAM,
    options.run_id_file,
    click.option("--task-queue", default=None, hidden=True, help="Ignored: the run has one."),
    options.authorize,
    options.workflow_timeout,
    options.name,
)
_add("flow_runs", "status", "Show the status of a run.", _RUN_ID)
_add("flow_runs", "terminate", "Terminate a run immediately.", _RUN_ID, options.authorize)
_add(
    "flow_runs",
    "suspend",
    "Suspend a run: no new task starts, running tasks finish.",
    _RUN_ID,
    options.authorize,
)
_add("flow_runs", "unsuspend", "Unsuspend a suspended run.", _RUN_ID, options.authorize)
_add(
    "flow_runs",
    "list_runs",
    "List the runs of the deployment, the latest first.",
    click.option("--running", is_flag=True, help="List running and suspended runs."),
    click.option("--succeeded", is_flag=True, help="List runs that succeeded."),
    click.option("--failed", is_flag=True, help="List runs that failed."),
    click.option("--timed-out", is_flag=True, help="List runs that exceeded their timeout."),
    click.option("--aborted", is_flag=True, help="List runs that were cancelled or terminated."),
)
_add("flow_deployments", "delete", "Delete the deployment; its runs continue.", options.authorize)
_add(
    "flow_deployments",
    "list_deployments",
    "List the deployments of this flow.",
    click.option("--all", is_flag=True, default=False, help="List the deployments of all flows."),
)


def _run(module: str, command: str, obj: Any, given: dict[str, Any], *arguments: Any) -> None:
    """Run a command of mftctl; its options take precedence over those of the group."""
    try:
        run = getattr(import_module(f"mftctl.metaflow_cli.{module}"), command)
        entry = import_module("mftctl.metaflow_cli.entry")
    except ImportError as error:
        sys.stderr.write(f"mftctl: the commands of `temporal` need mftctl in {sys.executable}: {error}\n")
        sys.exit(1)
    merged = {**obj.temporal, **{name: value for name, value in given.items() if value is not None}}
    entry.serve(obj, merged, lambda invocation: run(invocation, *arguments))
