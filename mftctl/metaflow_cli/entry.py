"""Runs a command of `python flow.py temporal …`: from the options that Metaflow has parsed to an exit code.

The commands (``create``, ``flow_deployments``, ``flow_runs``) run in the flow's process and interpreter.
With ``--deployer-attribute-file`` they write their result or error there, for Metaflow's Deployer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from metaflow._vendor import click
from metaflow.exception import MetaflowException

from ..console import output
from ..console.crash_report import report
from ..console.output import Result
from ..console.process_exit import leave
from ..interpreter.inside.compile.compile_error import metaflow_error
from ..model.errors import Exit, MftctlError, UsageError
from ..model.options import Options, rows
from ..operations.command_options import Connection
from ..profiles import Profile
from . import relocation
from .invocation import Invocation


def serve(
    state: Any, options: Mapping[str, Any], command: Callable[[Invocation], Coroutine[Any, Any, Result]]
) -> NoReturn:
    """Run a command, write its result or error, and leave the process (``process_exit``)."""
    file = options.get("deployer_attribute_file")
    try:
        result = asyncio.run(command(_invocation(state, options)))
        error = result.error
    except KeyboardInterrupt:
        _exit(state, Exit.INTERRUPTED)
    except Exception as problem:  # noqa: BLE001 - also our own bugs are reported in one line
        result, error = Result(), _error(problem)
    if file:
        answer = {"error": error.to_plain()} if error else output.to_json(result.data)
        with suppress(OSError), open(file, "w", encoding="utf-8") as target:
            json.dump(answer, target)
    _exit(state, output.fail(error) if error else output.render(result))


def _invocation(state: Any, options: Mapping[str, Any]) -> Invocation:
    connection = Connection(
        address=options.get("temporal_host"),
        temporal_namespace=options.get("temporal_namespace"),
        profile=options.get("profile"),
    )
    profile = connection.settings()
    if not options.get("deployment"):
        _relocate(state, options, profile)
    return Invocation(state, options, connection, profile)


def _relocate(state: Any, options: Mapping[str, Any], profile: Profile) -> None:
    """Start the process again if options of Metaflow were given after `temporal`, or in the profile."""
    has_project = "project" in state.flow._flow_decorators  # noqa: SLF001 - there is no public way
    given: dict[str, str | bool] = {}
    if options.get("branch") is not None:
        given["--branch"] = options["branch"]
    if options.get("production"):
        given["--production"] = True
    if given and not has_project:
        raise UsageError(f"{' and '.join(given)}: {state.flow.name} has no @project")
    settings: dict[str, str | bool | list[str]] = {
        row.flag: row.joined(value)
        for row in rows(Options).values()
        if row.metaflow and row.key and (has_project or row.name not in {"branch", "production"})
        if (value := profile.get(row.key))
    }
    after = click.get_current_context().find_root().saved_args
    top = sys.argv[1 : len(sys.argv) - len(after)]
    words = relocation.ordered(top, after, given, settings)
    if words is not None:
        _end_sidecars(state)
        relocation.start_again(words)


def _error(problem: Exception) -> MftctlError:
    if isinstance(problem, MftctlError):
        return problem
    if isinstance(problem, MetaflowException):
        return UsageError(metaflow_error(problem), code="flow.invalid")
    return report(problem)


def _end_sidecars(state: Any) -> None:
    """End Metaflow's sidecars, as its ``main`` does."""
    for sidecar in (getattr(state, name, None) for name in ("monitor", "event_logger")):
        if sidecar is not None:
            sidecar.terminate()


def _exit(state: Any, code: int) -> NoReturn:
    _end_sidecars(state)
    leave(code)
