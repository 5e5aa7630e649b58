"""The flow's own command line, `python flow.py temporal …`: from the options that Metaflow parsed to an exit code.

The commands (``create``, ``deployment_commands``, ``run_commands``) run in the flow's process and interpreter.
With ``--deployer-attribute-file`` they write their answer there, errors too: Metaflow's Deployer reads it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from metaflow._vendor import click
from metaflow.exception import MetaflowException

from .. import profiles
from ..cli import output
from ..cli.leaving import leave
from ..cli.options import Connection
from ..cli.output import Result
from ..interpreter.inside.compile.blame import in_a_line
from ..interpreter.inside.compile.build import deployment_name
from ..interpreter.inside.compile.main import Refused
from ..model.errors import Exit, MftctlError
from ..model.options import Options, rows
from . import relocation


@dataclass(frozen=True)
class Call:
    """A command as it was given: ``state`` is Metaflow's, ``options`` those of the command and of its group."""

    state: Any
    options: Mapping[str, Any]
    connection: Connection
    profile: profiles.Profile

    @property
    def deployment(self) -> str:
        """The deployment that is meant."""
        named = self.options.get("deployment")
        return str(named) if named else deployment_name(self.state, self.options.get("name"))


def serve(state: Any, options: Mapping[str, Any], command: Callable[[Call], Result]) -> NoReturn:
    """Carry a command out and leave the process, which may have used temporalio (``leaving``)."""
    file = options.get("deployer_attribute_file")
    try:
        result = command(_call(state, options))
        error = result.error
    except KeyboardInterrupt:
        _leave(state, Exit.INTERRUPTED)
    except Exception as problem:  # noqa: BLE001 - a bug of ours is told in one line, too
        result, error = Result(), _told(problem)
    if file:
        _answer(file, {"error": _plain(error)} if error else result.data)
    _leave(state, output.fail(error) if error else output.render(result))


def _call(state: Any, options: Mapping[str, Any]) -> Call:
    connection = Connection(
        address=options.get("temporal_host"),
        temporal_namespace=options.get("temporal_namespace"),
        profile=options.get("profile"),
    )
    profile = connection.settings()
    if not options.get("deployment"):
        _put_in_order(state, options, profile)
    return Call(state, options, connection, profile)


def _put_in_order(state: Any, options: Mapping[str, Any], profile: profiles.Profile) -> None:
    """Start again with the options of Metaflow's that were given behind `temporal`, or in the profile."""
    has_project = "project" in state.flow._flow_decorators  # noqa: SLF001 - Metaflow has no other way to ask
    given: dict[str, str | bool] = {}
    if options.get("branch") is not None:
        given["--branch"] = options["branch"]
    if options.get("production"):
        given["--production"] = True
    if given and not has_project:
        raise MftctlError(
            f"{' and '.join(given)}: {state.flow.name} has no @project", exit=Exit.USAGE, code="usage"
        )
    settings: dict[str, str | bool | list[str]] = {
        row.flag: row.joined(value)
        for row in rows(Options).values()
        if row.metaflow and row.key and (has_project or row.name not in {"branch", "production"})
        if (value := profile.get(row.key))
    }
    behind = click.get_current_context().find_root().saved_args
    top = sys.argv[1 : len(sys.argv) - len(behind)]
    words = relocation.ordered(top, behind, given, settings)
    if words is not None:
        _end_sidecars(state)
        relocation.start_again(words)


def _told(problem: Exception) -> MftctlError:
    if isinstance(problem, MftctlError):
        return problem
    if isinstance(problem, Refused):
        return MftctlError(
            str(problem), exit=problem.exit, code=problem.code, hint=problem.hint, log=problem.log
        )
    if isinstance(problem, MetaflowException):
        return MftctlError(in_a_line(problem), exit=Exit.USAGE, code="flow.invalid")
    from ..cli.crash import report

    return report(problem)


def _plain(error: MftctlError) -> dict[str, Any]:
    return {"message": error.message, "code": error.code, "hint": error.hint, "exit_code": int(error.exit)}


def _answer(file: str, data: Any) -> None:
    with suppress(OSError), open(file, "w", encoding="utf-8") as answer:
        json.dump(data, answer)


def _end_sidecars(state: Any) -> None:
    """What Metaflow's ``main`` does in the end."""
    for sidecar in (getattr(state, name, None) for name in ("monitor", "event_logger")):
        if sidecar is not None:
            sidecar.terminate()


def _leave(state: Any, code: int) -> NoReturn:
    _end_sidecars(state)
    leave(code)
