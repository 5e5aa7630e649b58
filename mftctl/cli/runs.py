"""`mftctl runs resume|pause|unpause`: let a run that has been started go on, or wait."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

from ..model.errors import Exit
from .options import FLAG, Connection, Latest, Limited, Output
from .output import Result
from .text import parse_duration

if TYPE_CHECKING:
    from temporalio.client import Client

#: What is said where a run could not answer.
UNHEARD = "no worker has taken notice yet; it holds as soon as one does"


def resume(
    run: str,
    /,
    *,
    step: str | None = None,
    latest_code: Annotated[bool, FLAG] = False,
    new_run: Annotated[bool, FLAG] = False,
    workflow_timeout: str | None = None,
    force: Annotated[bool, FLAG] = False,
    wait: Annotated[bool, FLAG] = False,
    timeout: str | None = None,
    authorize: str | None = None,
    latest: Latest = Latest(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Connection = Connection(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Let a run that ended badly go on: tasks that finished keep their results, the others run again.

    Parameters
    ----------
    run
        The run: its id, the beginning of it, or @latest.
    step
        Run this step again, and all that follows it.
    latest_code
        Go on with the deployment's current version, not the one that the run had last.
    new_run
        Make a new run that begins with the results of this one, as Metaflow's own resume does.
    workflow_timeout
        Stop the run after this time, such as 90s, 30m or 2h (default: the deployment's).
    force
        Also where compensations have undone what finished tasks did: their results are kept all the same.
    wait
        Wait for the run's end: exit code 0, or 3 when it does not complete.
    timeout
        With --wait: give up waiting after this time (exit code 124); the run goes on.
    authorize
        The deployment's production token, where somebody else has deployed it.
    """
    limit = None if timeout is None else parse_duration(timeout, "--timeout")
    stop = None if workflow_timeout is None else parse_duration(workflow_timeout, "--workflow-timeout")

    async def doing(client: "Client", run: str) -> Result:
        from ..control import pollers
        from ..control.runs import actions, lookup
        from .looking import unserved
        from .trigger import ended, wait_for

        resumed = await actions.resume(
            client,
            run,
            step=step,
            latest_code=latest_code,
            new_run=new_run,
            workflow_timeout=stop,
            force=force,
        )
        described = await lookup.describe(client, resumed)
        manifest = (await lookup.run_input(client, described)).manifest
        if wait or limit is not None:
            return ended(manifest, resumed, await wait_for(client, resumed, limit))
        served = await pollers.has_worker(client, manifest.task_queue)
        notes = () if served else (unserved(manifest.deployment),)
        data = {
            "run_id": resumed,
            "flow": manifest.flow,
            "deployment": manifest.deployment,
            "status": "running",
        }
        return Result({**data, "worker": served}, resumed, resumed, notes)

    return _with_client(connection, run, latest, authorize, doing, anybody=new_run)


def pause(
    run: str,
    /,
    *,
    authorize: str | None = None,
    latest: Latest = Latest(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Limited = Limited(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Let a run start no new task; those that run finish.

    Parameters
    ----------
    run
        The run: its id, the beginning of it, or @latest.
    authorize
        The deployment's production token, where somebody else has deployed it.
    """

    async def doing(client: "Client", run: str) -> Result:
        from ..control.runs import actions

        notes = {False: f"run {run} was paused already", None: UNHEARD}
        return state(run, "paused", notes.get(await actions.pause(client, run)))

    return _with_client(connection, run, latest, authorize, doing)


def unpause(
    run: str,
    /,
    *,
    authorize: str | None = None,
    latest: Latest = Latest(),  # noqa: B008 - frozen, and how cyclopts wants it
    connection: Limited = Limited(),  # noqa: B008
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Let a paused run go on.

    Parameters
    ----------
    run
        The run: its id, the beginning of it, or @latest.
    authorize
        The deployment's production token, where somebody else has deployed it.
    """

    async def doing(client: "Client", run: str) -> Result:
        from ..control.runs import actions

        notes = {False: f"run {run} was not paused", None: UNHEARD}
        return state(run, "running", notes.get(await actions.unpause(client, run)))

    return _with_client(connection, run, latest, authorize, doing)


def _with_client(
    connection: Connection,
    run: str,
    latest: Latest,
    token: str | None,
    doing: Callable[["Client", str], Awaitable[Result]],
    anybody: bool = False,
) -> Result:
    """Do it for whoever may steer the run: who deployed it, or has its production token; or for ``anybody``."""

    async def done() -> Result:
        from .looking import allowed
        from .session import open_client

        client = await open_client(connection, connection.settings())
        run_id = await allowed(client, run, latest, None if anybody else (token,))
        return await doing(client, run_id)

    return connection.run(done())


def state(run_id: str, status: str, note: str | None = None, exit: Exit = Exit.OK) -> Result:
    """What is said of a run that was steered."""
    notes = () if note is None else (note,)
    return Result({"run_id": run_id, "status": status}, f"{run_id}\t{status}", run_id, notes, exit=exit)
