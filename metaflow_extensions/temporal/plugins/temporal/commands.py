"""The command group `temporal` of a flow's command line: options only, mftctl does the rest."""

from __future__ import annotations

import sys
from typing import Any

from metaflow import parameters
from metaflow._vendor import click

from .create_options import CREATE_OPTIONS
from .options import (
    Trigger,
    answered,
    branched,
    connected,
    each,
    given_parameters,
    named,
    owned,
    tagged,
    timed,
)


@click.group()
def cli() -> None:
    """What Metaflow takes the group from."""


@cli.group(help="Commands related to Temporal.")
@named
@click.option("--deployment", default=None, hidden=True, help="Full name of a deployment that is there.")
@connected
@click.pass_obj
def temporal(obj: Any, **options: Any) -> None:
    """Keep the group's options for the command."""
    obj.temporal = options


@temporal.command(help="Deploy a new version of this flow; with FILE, also write a worker file.")
@click.argument("file", required=False, default=None, type=str)
@click.option("--output", "-o", default=None, help="Write a file that serves the deployment.")
@click.option(
    "--only-json", is_flag=True, default=False, help="Print what would be deployed, deploy nothing."
)
@each(*CREATE_OPTIONS)
@branched
@connected
@answered
@click.pass_obj
def create(obj: Any, **options: Any) -> None:
    """Deploy."""
    _serve(obj, "create", "create", options)


@parameters.add_custom_parameters(deploy_mode=False)
@temporal.command(cls=Trigger, help="Start a run of the deployment.")
@click.option("--run-param", "run_params", multiple=True, default=None, help="NAME=VALUE of a parameter.")
@click.option("--run-id", default=None, help="The run's id; with the same id again no second run starts.")
@click.option("--run-id-file", default=None, type=str, help="Write the run id to this file.")
@click.option("--task-queue", default=None, help="Task queue of this run (default: the deployment's).")
@timed
@named
@tagged
@branched
@connected
@answered
@click.pass_obj
def trigger(obj: Any, **options: Any) -> None:
    """Start a run."""
    _serve(obj, "deployment_commands", "trigger", options, given_parameters(obj.flow, options))


@temporal.command(help="Let a run that failed or was stopped go on; tasks that finished keep their results.")
@click.argument("run_id", required=True, type=str)
@click.option("--step", default=None, help="Run this step again, and what follows it.")
@click.option("--new-run", is_flag=True, help="Make a new run that begins with the results of the old one.")
@click.option("--latest-code", is_flag=True, help="Take the deployment's current version.")
@click.option("--force", is_flag=True, help="Also where compensations have undone what finished tasks did.")
@click.option("--run-param", "run_params", multiple=True, default=None, help="With --new-run: NAME=VALUE.")
@click.option("--run-id-file", default=None, type=str, help="Write the run id to this file.")
@click.option("--task-queue", default=None, hidden=True, help="Known from the run.")
@owned
@timed
@named
@branched
@connected
@answered
@click.pass_obj
def resume(obj: Any, **options: Any) -> None:
    """Resume a run."""
    _serve(obj, "run_commands", "resume", options)


@temporal.command(help="Say the state of a run.")
@click.argument("run_id", required=True, type=str)
@branched
@connected
@answered
@click.pass_obj
def status(obj: Any, **options: Any) -> None:
    """Say a run's state."""
    _serve(obj, "run_commands", "status", options)


@temporal.command(help="End a run at once.")
@click.argument("run_id", required=True, type=str)
@owned
@branched
@connected
@answered
@click.pass_obj
def terminate(obj: Any, **options: Any) -> None:
    """End a run."""
    _serve(obj, "run_commands", "terminate", options)


@temporal.command(help="Let a run start no new task; those that run finish.")
@click.argument("run_id", required=True, type=str)
@owned
@branched
@connected
@answered
@click.pass_obj
def suspend(obj: Any, **options: Any) -> None:
    """Suspend a run."""
    _serve(obj, "run_commands", "suspend", options)


@temporal.command(help="Let a suspended run go on.")
@click.argument("run_id", required=True, type=str)
@owned
@branched
@connected
@answered
@click.pass_obj
def unsuspend(obj: Any, **options: Any) -> None:
    """Let a run go on."""
    _serve(obj, "run_commands", "unsuspend", options)


@temporal.command(help="Delete the deployment; its runs go on.")
@owned
@branched
@connected
@answered
@click.pass_obj
def delete(obj: Any, **options: Any) -> None:
    """Delete."""
    _serve(obj, "deployment_commands", "delete", options)


@temporal.command(help="List the deployment's runs, the newest first.")
@click.option("--running", is_flag=True, help="Runs that go on.")
@click.option("--succeeded", is_flag=True, help="Runs that went well.")
@click.option("--failed", is_flag=True, help="Runs that failed.")
@click.option("--timed-out", is_flag=True, help="Runs that passed their timeout.")
@click.option("--aborted", is_flag=True, help="Runs that were cancelled or terminated.")
@branched
@connected
@answered
@click.pass_obj
def list_runs(obj: Any, **options: Any) -> None:
    """List runs."""
    _serve(obj, "run_commands", "list_runs", options)


@temporal.command(help="List the deployments of this flow.")
@click.option("--all", is_flag=True, default=False, help="Those of other flows as well.")
@branched
@connected
@answered
@click.pass_obj
def list_deployments(obj: Any, **options: Any) -> None:
    """List deployments."""
    _serve(obj, "deployment_commands", "list_deployments", options)


def _serve(obj: Any, module: str, command: str, options: dict[str, Any], *more: Any) -> None:
    """Hand a command over to mftctl: options of the group stand back behind those of the command."""
    try:
        from importlib import import_module

        commands = import_module(f"mftctl.metaflow_cli.{module}")
        from mftctl.metaflow_cli.entry import serve
    except ImportError as error:
        sys.stderr.write(f"mftctl: the commands of `temporal` need mftctl in {sys.executable}: {error}\n")
        sys.exit(1)
    merged = {**obj.temporal, **{name: value for name, value in options.items() if value is not None}}
    serve(obj, merged, lambda call: getattr(commands, command)(call, *more))
