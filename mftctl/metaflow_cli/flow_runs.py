"""Commands of `python flow.py temporal …` for runs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from temporalio.client import Client

from ..console.output import Result, say
from ..control.runs import actions, lookup
from ..control.runs.run import Run
from ..model.errors import UsageError
from ..model.statuses import FILTERS, MAX_RUNS, STATES, statuses_of
from ..operations.missing_workers import look_for_workers
from ..operations.open_client import open_client
from ..operations.run_id_file import announce, write_run_id
from ..operations.runs.change_runs import PENDING
from .invocation import Invocation


async def resume(invocation: Invocation) -> Result:
    """Resume a run, under its id or as a new run."""
    file = invocation.run_id_file()
    client, found = await _open_run(invocation)
    parameters, new_run = invocation.run_params, bool(invocation.options.get("new_run"))
    if parameters and not new_run:
        raise UsageError("--run-param: a resumed run keeps its parameters", hint="add --new-run")
    if not new_run:
        await actions.authorize(client, found, invocation.options.get("authorize"))
    run_id = await actions.resume(
        client,
        found.run_id,
        step=invocation.options.get("step"),
        latest_code=bool(invocation.options.get("latest_code")),
        new_run=new_run,
        given=parameters,
        workflow_timeout=invocation.workflow_timeout,
        force=bool(invocation.options.get("force")),
        # A new run's id is known also if the answer to its start is lost: a repeated command would start a second one.
        on_start=lambda run_id: announce(run_id, file) if new_run else write_run_id(file, run_id),
    )
    manifest = (await lookup.run_input(client, await lookup.describe(client, run_id))).manifest
    for warning in (await look_for_workers(client, manifest)).warnings:
        say(warning)
    return Result(invocation.run_attributes(found.deployment, run_id), run_id, run_id)


async def status(invocation: Invocation) -> Result:
    """The status of a run, in the words of Step Functions."""
    _, found = await _open_run(invocation)
    state = STATES[found.status]
    return Result({"status": state}, state, state)


async def terminate(invocation: Invocation) -> Result:
    """Terminate a run."""

    async def end(client: Client, run_id: str) -> bool:
        await actions.terminate(client, run_id)
        return True

    return await _change(invocation, end, "is terminated")


async def suspend(invocation: Invocation) -> Result:
    """Suspend a run."""
    return await _change(invocation, actions.pause, "is suspended", "was already suspended")


async def unsuspend(invocation: Invocation) -> Result:
    """Unsuspend a run."""
    return await _change(invocation, actions.unpause, "is unsuspended", "was not suspended")


async def list_runs(invocation: Invocation) -> Result:
    """List the deployment's runs, the latest first."""
    client = await open_client(invocation.connection, invocation.profile)
    notes: list[str] = []
    states = [state for state in FILTERS if invocation.options.get(state.lower())]
    runs = await lookup.list_runs(
        client,
        deployment=invocation.deployment,
        statuses=statuses_of(states),
        limit=MAX_RUNS + 1,
        flow=invocation.flow,
        on_bound=lambda read: notes.append(f"only {read} runs were read: older ones are left out"),
    )
    if len(runs) > MAX_RUNS:
        notes.append(f"only {MAX_RUNS} runs are shown: older ones are left out")
        runs = runs[:MAX_RUNS]
    lines = [
        f"{run.run_id}\t{STATES[run.status]}\t{run.started.isoformat(timespec='seconds')}"
        + (f"\t{run.ended.isoformat(timespec='seconds')}" if run.ended else "")
        for run in runs
    ]
    names = [run.run_id for run in runs]
    return Result([{"run_id": name} for name in names], "\n".join(lines), names, tuple(notes))


async def _change(
    invocation: Invocation,
    action: Callable[[Client, str], Coroutine[Any, Any, bool | None]],
    done: str,
    unchanged: str = "",
) -> Result:
    """Change the state of a run, if the user is its owner or has authorized with the production token."""
    client, found = await _open_run(invocation)
    await actions.authorize(client, found, invocation.options.get("authorize"))
    changed = await action(client, found.run_id)
    note = PENDING if changed is None else f"run {found.run_id} {done if changed else unchanged}"
    return Result({"run_id": found.run_id}, "", found.run_id, (note,))


async def _open_run(invocation: Invocation) -> tuple[Client, Run]:
    """A client, and the run of the command; MftctlError with exit code 6 if it is a run of another flow."""
    client = await open_client(invocation.connection, invocation.profile)
    name = str(invocation.options["run_id"])
    if name == lookup.LATEST:
        run = await lookup.find(client, name, invocation.deployment)
    else:
        run = await lookup.describe(client, name)
    return client, lookup.require_flow(run, invocation.flow)
