"""What `python flow.py temporal …` does with runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ..cli import runidfile
from ..cli.output import Result
from ..cli.session import open_client
from ..control import tokens
from ..model.errors import Exit, MftctlError
from ..model.statuses import LISTED, MOST, STATES, statuses_of
from .deployment_commands import run_id_file, run_params, started
from .entry import Call

if TYPE_CHECKING:
    from temporalio.client import Client

    from ..control.runs.run import Run


def resume(call: Call) -> Result:
    """Let a run go on, or make a new one of it."""
    return asyncio.run(_resume(call))


def status(call: Call) -> Result:
    """The state of a run, as Step Functions spells it."""
    return asyncio.run(_status(call))


def terminate(call: Call) -> Result:
    """End a run at once."""
    return asyncio.run(_steered(call, "terminated"))


def suspend(call: Call) -> Result:
    """Let a run start no new task."""
    return asyncio.run(_steered(call, "suspended"))


def unsuspend(call: Call) -> Result:
    """Let a suspended run go on."""
    return asyncio.run(_steered(call, "unsuspended"))


def list_runs(call: Call) -> Result:
    """The deployment's runs, the newest first."""
    return asyncio.run(_list_runs(call))


async def _resume(call: Call) -> Result:
    from ..control.runs import actions

    file = run_id_file(call)
    client = await open_client(call.connection, call.profile)
    found = await _own(call, client)
    parameters, new_run = run_params(call), bool(call.options.get("new_run"))
    timeout = call.options.get("workflow_timeout")
    if parameters and not new_run:
        raise MftctlError(
            "a run that goes on keeps its parameters", exit=Exit.USAGE, code="usage", hint="add --new-run"
        )
    if not new_run:
        await _authorize(call, client, found)
    run_id = await actions.resume(
        client,
        found.run_id,
        step=call.options.get("step"),
        latest_code=bool(call.options.get("latest_code")),
        new_run=new_run,
        given=parameters,
        workflow_timeout=None if timeout is None else float(timeout),
        force=bool(call.options.get("force")),
        told=lambda run_id: runidfile.write(file, run_id),
    )
    return Result(started(call, found.deployment, run_id), run_id, run_id)


async def _status(call: Call) -> Result:
    client = await open_client(call.connection, call.profile)
    found = await _own(call, client)
    state = STATES[found.status]
    return Result({"status": state}, state, state)


async def _steered(call: Call, what: str) -> Result:
    """Do something to a run that its owner may do, and whoever knows its production token."""
    from ..control.runs import actions

    client = await open_client(call.connection, call.profile)
    found = await _own(call, client)
    await _authorize(call, client, found)
    does: dict[str, Callable[[Client, str], Coroutine[Any, Any, Any]]] = {
        "terminated": actions.terminate,
        "suspended": actions.pause,
        "unsuspended": actions.unpause,
    }
    changed = await does[what](client, found.run_id)
    before = "was not suspended" if what == "unsuspended" else f"was {what} already"
    note = f"run {found.run_id} {before if changed is False else f'is {what}'}"
    return Result({"run_id": found.run_id}, "", found.run_id, (note,))


async def _authorize(call: Call, client: Client, found: Run) -> None:
    from ..control.runs import lookup

    given = await lookup.run_input(client, found)
    tokens.authorize(given.manifest, tokens.username(), call.options.get("authorize"))


async def _list_runs(call: Call) -> Result:
    from ..control.runs.lookup import list_runs as listed

    client = await open_client(call.connection, call.profile)
    states = [state for state in LISTED if call.options.get(state.lower())]
    found = await listed(
        client,
        deployment=call.deployment,
        statuses=statuses_of(states),
        limit=MOST,
        flow=call.state.flow.name,
    )
    lines = [
        f"{run.run_id}\t{STATES[run.status]}\t{run.started.isoformat(timespec='seconds')}"
        + (f"\t{run.ended.isoformat(timespec='seconds')}" if run.ended else "")
        for run in found
    ]
    names = [run.run_id for run in found]
    return Result([{"run_id": name} for name in names], "\n".join(lines), names)


async def _own(call: Call, client: Client) -> Run:
    """The run that is meant; exit code 6 when it is one of another flow."""
    from ..control.runs.lookup import describe, require_flow

    return require_flow(await describe(client, str(call.options["run_id"])), call.state.flow.name)
