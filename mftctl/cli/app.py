"""The commands, and how a command line becomes a call. A command is imported when it is used: `--help` stays fast."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO, cast

from cyclopts import App, CycloptsError, Parameter, UnknownOptionError

from ..console.output import Result
from ..model.errors import Exit, MftctlError, UsageError
from .examples import epilogue

if TYPE_CHECKING:
    from rich.console import Console

HELP = "Run Metaflow flows as durable Temporal workflows."
EPILOGUE = "Exit codes: 0 ok, 1 failed, 2 usage, 3 the run failed, 4 not found, 5 no server, 6 conflict, 124 timeout."

#: Groups of commands and their line in the help.
GROUPS = {
    "deployments": "List, inspect and delete deployments.",
    "schedule": "Inspect and control the schedules of deployments.",
    "runs": "List, inspect and control runs.",
    "queues": "List task queues and their backlogs.",
    "workers": "List workers, and replace their versions.",
    "events": "Publish and inspect events.",
    "profile": "Name servers and settings, and inspect those in force.",
}
#: Commands by name: where each lives, and its line in the help.
COMMANDS = {
    "run": ("run_command:run", "Compile, serve and run a flow now."),
    "deploy": ("deployment_commands:deploy", "Deploy a flow to a Temporal server."),
    "worker": ("deployment_commands:worker", "Run a worker for one or more deployments."),
    "trigger": ("deployment_commands:trigger", "Start a run of a deployment."),
    "runs list": ("runs_commands:list_", "List runs and their progress."),
    "runs top": ("runs_commands:top", "Show what runs where."),
    "runs describe": ("runs_commands:describe", "Show the steps, failures and retries of a run."),
    "runs watch": ("runs_commands:watch", "Watch a run until it ends."),
    "runs logs": ("runs_commands:logs", "Show the logs of a run's tasks."),
    "runs artifacts": ("runs_commands:artifacts", "Show the artifacts of a run's tasks."),
    "runs report": ("runs_commands:report", "Write a report of a run as one HTML page."),
    "runs resume": ("runs_commands:resume", "Resume a run that failed."),
    "runs pause": ("runs_commands:pause", "Pause a run: no new task starts."),
    "runs unpause": ("runs_commands:unpause", "Continue a paused run."),
    "runs cancel": ("runs_commands:cancel", "Cancel runs, and wait until their tasks have stopped."),
    "runs terminate": ("runs_commands:terminate", "Terminate runs at once."),
    "deployments list": ("deployment_commands:list_", "List deployments."),
    "deployments describe": ("deployment_commands:describe", "Show a deployment and its workers."),
    "deployments diff": ("deployment_commands:diff", "Show what a deploy would change."),
    "deployments delete": ("deployment_commands:delete", "Delete a deployment; its runs continue."),
    "schedule list": ("schedule_commands:list_", "List deployments that have a schedule."),
    "schedule describe": ("schedule_commands:describe", "Show a schedule and its last runs."),
    "schedule pause": ("schedule_commands:pause", "Pause a schedule: it starts no more runs."),
    "schedule unpause": ("schedule_commands:unpause", "Unpause a schedule."),
    "schedule trigger": ("schedule_commands:trigger", "Start a run as if it were due now."),
    "schedule backfill": ("schedule_commands:backfill", "Start the runs that were due in the past."),
    "schedule next": ("schedule_commands:next_", "Show the next times at which a schedule is due."),
    "queues list": ("fleet_commands:list_queues", "List task queues, their backlogs and rates."),
    "workers list": ("fleet_commands:list_workers", "List workers, their slots and versions."),
    "workers versions": ("fleet_commands:list_versions", "List versions of workers and their runs."),
    "workers promote": ("fleet_commands:promote", "Let a version of workers take new runs."),
    "workers drain": ("fleet_commands:drain", "Wait until a version of workers has no run left."),
    "events publish": ("event_commands:publish", "Publish an event to the deployments that wait for it."),
    "events list": ("event_commands:list_", "List the events that deployments wait for."),
    "events describe": ("event_commands:describe", "Show which deployments wait for an event."),
    "profile list": ("profile_commands:list_", "List profiles."),
    "profile show": ("profile_commands:show", "Show each setting in force and where it comes from."),
    "profile use": ("profile_commands:use", "Make a profile the default."),
    "profile set": ("profile_commands:set_", "Set keys of a profile, or create one."),
    "profile unset": ("profile_commands:unset", "Remove keys of a profile, or the whole profile."),
    "profile path": ("profile_commands:path", "Print the path of the configuration file."),
    "profile check": ("profile_commands:check", "Check that everything that a profile names works."),
    "dev": ("local_commands:dev", "Run a local Temporal server and its UI until Ctrl-C."),
    "doctor": ("local_commands:doctor", "Diagnose this installation."),
    "help": ("help:help_", "Show help on a topic or a command."),
    "completion": ("completion:completion", "Print the completion script for a shell."),
    "schema": ("schema:schema", "Print the JSON schema of a command's output."),
}


def build(argv: Sequence[str] = ()) -> App:
    """The application: with the command alone that ``argv`` names, if it names one: all of them take a while."""
    app = App(
        name="mftctl",
        help=HELP,
        help_epilogue=EPILOGUE,
        help_format="plaintext",
        help_formatter="plain" if _asks_help(argv) else None,  # its code is loaded at once
        version_flags=(),
        default_parameter=Parameter(show_default=False),
        result_action="return_value",
    )
    groups = {"": app}
    commands = _named(argv)
    for name, (where, line) in commands.items():
        group, _, part = name.rpartition(" ")
        if group not in groups:
            groups[group] = App(name=group, help=GROUPS[group], help_format="plaintext")
            app.command(groups[group])
        examples = epilogue(name) if len(commands) == 1 else None  # a list of commands shows none
        groups[group].command(f"mftctl.cli.{where}", name=part, help=line, help_epilogue=examples)
    return app


def below(group: str = "") -> dict[str, str]:
    """The commands of a group, or the commands and groups without one, with their lines in the help."""
    if group:
        return {name.split()[1]: line for name, (_, line) in COMMANDS.items() if name.startswith(f"{group} ")}
    names = dict.fromkeys(name.split()[0] for name in COMMANDS)
    return {name: GROUPS[name] if name in GROUPS else COMMANDS[name][1] for name in names}


def _named(argv: Sequence[str]) -> dict[str, tuple[str, str]]:
    named = {" ".join(argv[:2]), *argv[:1]} & COMMANDS.keys()
    return {name: COMMANDS[name] for name in named} or COMMANDS


def _is_whole(argv: Sequence[str]) -> bool:
    return bool(argv) and list(argv) not in ([group] for group in GROUPS)


def _asks_help(argv: Sequence[str]) -> bool:
    return not _is_whole(argv) or not {"--help", "-h"}.isdisjoint(argv)


def call(argv: list[str]) -> Result | None:
    """Run the command that ``argv`` names; MftctlError with exit code 2 when it is not understood."""
    app = build(argv)
    if not _is_whole(argv):
        app.help_print(argv, console=_console(sys.stderr))
        return Result(exit=Exit.USAGE)
    if _asks_help(argv):
        app.console = _console(sys.stdout)
    try:
        return cast("Result | None", app(argv, exit_on_error=False, print_error=False))
    except CycloptsError as error:
        raise _usage(error) from error


def _usage(error: CycloptsError) -> MftctlError:
    chain = [*(error.command_chain or ())]
    hint = f"Try `{' '.join(('mftctl', *chain))} --help`."
    if isinstance(error, UnknownOptionError) and chain[-1:] in (["run"], ["trigger"]):
        hint = f"Parameters of the flow are written as name=value. {hint}"
    return UsageError(" ".join(str(error).split()), hint=hint)


def _console(file: TextIO) -> Console:
    # Only a help page needs rich: 45 ms of every other command.
    from rich.console import Console

    return Console(file=file, width=shutil.get_terminal_size((100, 24)).columns, highlight=False)
