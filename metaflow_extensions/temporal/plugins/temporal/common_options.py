"""Options that the commands of `temporal` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from metaflow._vendor import click

Decorator = Callable[[Any], Any]


def each(*options: Decorator) -> Decorator:
    """Combine options into one decorator."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


name = click.option("--name", default=None, help="Name of the deployment (default: the flow's).")
server = each(
    click.option("--profile", default=None, help="Profile of mftctl's configuration file."),
    click.option("--temporal-host", default=None, help="Temporal server as HOST:PORT."),
    click.option("--temporal-namespace", default=None, help="Namespace on the Temporal server."),
)
#: Options of every command. The last one is for Metaflow's Deployer, which reads the command's answer from that file.
common = each(
    click.option("--branch", default=None, help="Branch of a flow with @project."),
    click.option(
        "--production", is_flag=True, default=None, help="Production branch of a flow with @project."
    ),
    server,
    click.option("--deployer-attribute-file", default=None, hidden=True, type=str),
)
authorize = click.option(
    "--authorize", default=None, type=str, help="Production token of a flow that somebody else deployed."
)
workflow_timeout = click.option(
    "--workflow-timeout", default=None, type=int, help="Stop the run after this time, in seconds."
)
run_id_file = click.option("--run-id-file", default=None, type=str, help="Write the run id to this file.")
