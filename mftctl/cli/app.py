"""The tree of commands. Each is imported when it is used, so that `--help` and completion stay quick."""

from __future__ import annotations

import sys
from typing import cast

from cyclopts import App, CycloptsError

from ..errors import Exit, MftctlError
from .output import Result

HELP = "Run Metaflow flows as durable Temporal workflows."
EPILOGUE = "Exit codes: 0 ok, 1 failed, 2 usage, 3 the run failed, 4 not found, 5 no server, 6 conflict, 124 timeout."

#: Commands by name: where each lives, and its line in the help.
COMMANDS = {
    "run": ("run:run", "Compile, serve and run a flow now, and watch it."),
    "deploy": ("deploy:deploy", "Register a flow with a Temporal server."),
    "worker": ("worker:worker", "Work off the tasks of deployments, until told to stop."),
    "trigger": ("trigger:trigger", "Start a run of a deployment."),
    "dev": ("dev:dev", "Run a Temporal server and its UI on this machine, until Ctrl-C."),
}


def build() -> App:
    """The application."""
    app = App(
        name="mftctl",
        help=HELP,
        help_epilogue=EPILOGUE,
        help_format="plaintext",
        help_formatter="plain",
        version_flags=(),
        result_action="return_value",
    )
    for name, (where, line) in COMMANDS.items():
        app.command(f"mftctl.cli.{where}", name=name, help=line)
    return app


def call(argv: list[str]) -> Result | None:
    """Run the command that ``argv`` names; MftctlError with exit code 2 when it is not understood."""
    app = build()
    if not argv:
        _help_to_stderr(app)
        return Result(exit=Exit.USAGE)
    try:
        return cast("Result | None", app(argv, exit_on_error=False, print_error=False))
    except CycloptsError as error:
        command = " ".join(("mftctl", *(error.command_chain or ())))
        message = " ".join(str(error).split())
        raise MftctlError(message, exit=Exit.USAGE, code="usage", hint=f"Try `{command} --help`.") from error


def _help_to_stderr(app: App) -> None:
    from rich.console import Console

    app.help_print([], console=Console(file=sys.stderr))
