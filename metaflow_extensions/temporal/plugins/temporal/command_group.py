"""The command group `temporal` of a flow's command line: the options; mftctl implements the commands."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from metaflow import parameters
from metaflow._vendor import click

from . import shared_options as options
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


@temporal.command(help="Deploy a new version of this flow; with FILE, also write a worker file.")
@click.argument("file", required=False, default=None, type=str)
@click.option("--output", "-o", default=None, help="Also write a worker file.")
@click.option("--only-json", is_flag=True, default=False, help="Print the manifest; deploy nothing.")
@options.each(*CREATE_OPTIONS)
@options.common
@click.pass_obj
def create(obj: Any, **given: Any) -> None:
    """Deploy."""
    _run("create", "create", obj, given)


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
    _run("deployment_commands", "trigger", obj, given, given_parameters(obj.flow, given))


@temporal.command(help="Resume a failed or stopped run; finished tasks keep their results.")
@_RUN_ID
@click.option("--step", default=None, help="Run this step and all steps after it again.")
@click.option("--new-run", is_flag=True, help="Resume as a new run that reuses the results of the old one.")
@click.option("--latest-code", is_flag=True, help="Use the current version of the deployment.")
@click.option("--force", is_flag=True, help="Resume even if compensations have undone finished tasks.")
@_RUN_PARAM
@options.run_id_file
@click.option("--task-queue", default=None, hidden=True, help="Ignored: the run has one.")
@options.authorize
@options.workflow_timeout
@options.name
@options.common
@click.pass_obj
def resume(obj: Any, **given: Any) -> None:
    """Resume a run."""
    _run("run_commands", "resume", obj, given)


@temporal.command(help="Show the status of a run.")
@_RUN_ID
@options.common
@click.pass_obj
def status(obj: Any, **given: Any) -> None:
    """Show the status of a run."""
    _run("run_commands", "status", obj, given)


@temporal.command(help="Terminate a run immediately.")
@_RUN_ID
@options.authorize
@options.common
@click.pass_obj
def terminate(obj: Any, **given: Any) -> None:
    """Terminate a run."""
    _run("run_commands", "terminate", obj, given)


@temporal.command(help="Suspend a run: no new task starts, running tasks finish.")
@_RUN_ID
@options.authorize
@options.common
@click.pass_obj
def suspend(obj: Any, **given: Any) -> None:
    """Suspend a run."""
    _run("run_commands", "suspend", obj, given)


@temporal.command(help="Unsuspend a suspended run.")
@_RUN_ID
@options.authorize
@options.common
@click.pass_obj
def unsuspend(obj: Any, **given: Any) -> None:
    """Unsuspend a run."""
    _run("run_commands", "unsuspend", obj, given)


@temporal.command(help="Delete the deployment; its runs continue.")
@options.authorize
@options.common
@click.pass_obj
def delete(obj: Any, **given: Any) -> None:
    """Delete the deployment."""
    _run("deployment_commands", "delete", obj, given)


@temporal.command(help="List the runs of the deployment, the latest first.")
@click.option("--running", is_flag=True, help="List running and suspended runs.")
@click.option("--succeeded", is_flag=True, help="List runs that succeeded.")
@click.option("--failed", is_flag=True, help="List runs that failed.")
@click.option("--timed-out", is_flag=True, help="List runs that exceeded their timeout.")
@click.option("--aborted", is_flag=True, help="List runs that were cancelled or terminated.")
@options.common
@click.pass_obj
def list_runs(obj: Any, **given: Any) -> None:
    """List runs."""
    _run("run_commands", "list_runs", obj, given)


@temporal.command(help="List the deployments of this flow.")
@click.option("--all", is_flag=True, default=False, help="List the deployments of all flows.")
@options.common
@click.pass_obj
def list_deployments(obj: Any, **given: Any) -> None:
    """List deployments."""
    _run("deployment_commands", "list_deployments", obj, given)


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
