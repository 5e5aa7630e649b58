"""`mftctl runs cancel|terminate`: end runs before they end by themselves."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

from ..model.errors import Exit, MftctlError
from .ask import objected
from .options import FLAG, YES, Latest, Limited, Output
from .output import Result
from .runs import state

if TYPE_CHECKING:
    from temporalio.client import Client


def cancel(
    *runs: str,
    no_wait: Annotated[bool, FLAG] = False,
    authorize: str | None = None,
    latest: Latest = Latest(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Limited = Limited(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Stop runs, and wait until their tasks have stopped.

    Parameters
    ----------
    runs
        The runs: their ids, the beginnings of them, or @latest.
    no_wait
        Do not wait.
    authorize
        The deployment's production token, where somebody else has deployed it.
    """

    async def doing(client: "Client", run: str) -> Result:
        from ..control.runs import actions, lookup, outcome

        await actions.cancel(client, run)
        if no_wait:
            return state(run, "cancelling")
        return state(run, (await outcome.wait_for_outcome(lookup.workflow_handle(client, run))).status)

    return connection.run(_each(runs, connection, latest, authorize, doing))


def terminate(
    *runs: str,
    reason: str = "terminated with mftctl",
    yes: Annotated[bool, YES] = False,
    authorize: str | None = None,
    latest: Latest = Latest(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Limited = Limited(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """End runs at once, without waiting for their tasks. On a terminal it asks first.

    Parameters
    ----------
    runs
        The runs: their ids, the beginnings of them, or @latest.
    reason
        Why, as Temporal shows it.
    yes
        Do not ask.
    authorize
        The deployment's production token, where somebody else has deployed it.
    """

    async def doing(client: "Client", run: str) -> Result:
        from ..control.runs import actions

        if not yes and objected(f"Terminate {run}? Its compensations will not run."):
            return state(run, "running", f"run {run} goes on", exit=Exit.FAILED)
        await actions.terminate(client, run, reason)
        return state(run, "terminated")

    return connection.run(_each(runs, connection, latest, authorize, doing))


async def _each(
    names: tuple[str, ...],
    connection: Limited,
    latest: Latest,
    token: str | None,
    doing: Callable[["Client", str], Awaitable[Result]],
) -> Result:
    """Do it to each run. Of several, what cannot be done to one keeps the others from nothing."""
    from .looking import allowed
    from .session import open_client

    if not names:
        raise MftctlError("name a run", exit=Exit.USAGE, code="usage", hint="mftctl runs list")
    client = await open_client(connection, connection.settings())

    async def one(name: str) -> Result:
        try:
            return await doing(client, await allowed(client, name, latest, (token,)))
        except MftctlError as error:
            if len(names) == 1:
                raise
            about = {"run_id": name, "error": {"code": error.code, "message": error.message}}
            return Result(about, f"{name}\t{error.message}", exit=error.exit)

    done = await asyncio.gather(*map(one, names))
    if len(done) == 1:
        return done[0]
    return Result(
        [one.data for one in done if isinstance(one.data, dict)],
        "\n".join(one.text for one in done),
        [str(one.name) for one in done if one.name],
        tuple(note for one in done for note in one.notes),
        exit=next((one.exit for one in done if one.exit), Exit.OK),
    )
