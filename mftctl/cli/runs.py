"""`mftctl runs …`: what can be done to a run that has been started."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

from ..errors import Exit
from . import durations
from .options import FLAG, Connection, Output
from .output import Result

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
    connection: Connection = Connection(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Let a run that ended badly go on: tasks that finished keep their results, the others run again.

    Parameters
    ----------
    run
        The run's id.
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
    limit = None if timeout is None else durations.parse(timeout, "--timeout")
    stop = None if workflow_timeout is None else durations.parse(workflow_timeout, "--workflow-timeout")

    async def doing(client: "Client") -> Result:
        from ..control import found, runs, steering
        from .trigger import ended, wait_for

        resumed = await steering.resume(
            client,
            run,
            step=step,
            latest_code=latest_code,
            new_run=new_run,
            workflow_timeout=stop,
            force=force,
        )
        described = await found.describe(client, resumed)
        manifest = (await steering.given_to(client, described)).manifest
        if wait or limit is not None:
            return ended(manifest, resumed, await wait_for(client, resumed, limit))
        served = await runs.has_worker(client, manifest.task_queue)
        notes = (
            () if served else (f"no worker serves it; start one with: mftctl worker {manifest.deployment}",)
        )
        data = {
            "run_id": resumed,
            "flow": manifest.flow,
            "deployment": manifest.deployment,
            "status": "running",
        }
        return Result({**data, "worker": served}, resumed, resumed, notes)

    return _with_client(connection, run, authorize, doing, anybody=new_run)


def pause(
    run: str,
    /,
    *,
    authorize: str | None = None,
    connection: Connection = Connection(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Let a run start no new task; those that run finish.

    Parameters
    ----------
    run
        The run's id.
    authorize
        The deployment's production token, where somebody else has deployed it.
    """

    async def doing(client: "Client") -> Result:
        from ..control import steering

        notes = {False: f"run {run} was paused already", None: UNHEARD}
        return _state(run, "paused", notes.get(await steering.pause(client, run)))

    return _with_client(connection, run, authorize, doing)


def unpause(
    run: str,
    /,
    *,
    authorize: str | None = None,
    connection: Connection = Connection(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Let a paused run go on.

    Parameters
    ----------
    run
        The run's id.
    authorize
        The deployment's production token, where somebody else has deployed it.
    """

    async def doing(client: "Client") -> Result:
        from ..control import steering

        notes = {False: f"run {run} was not paused", None: UNHEARD}
        return _state(run, "running", notes.get(await steering.unpause(client, run)))

    return _with_client(connection, run, authorize, doing)


def cancel(
    run: str,
    /,
    *,
    no_wait: Annotated[bool, FLAG] = False,
    authorize: str | None = None,
    connection: Connection = Connection(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Stop a run, and wait until its tasks have stopped.

    Parameters
    ----------
    run
        The run's id.
    no_wait
        Do not wait.
    authorize
        The deployment's production token, where somebody else has deployed it.
    """

    async def doing(client: "Client") -> Result:
        from ..control import found, runs, steering

        await steering.cancel(client, run)
        if no_wait:
            return _state(run, "cancelling")
        return _state(run, (await runs.outcome(found.handle_of(client, run))).status)

    return _with_client(connection, run, authorize, doing)


def terminate(
    run: str,
    /,
    *,
    reason: str = "terminated with mftctl",
    authorize: str | None = None,
    connection: Connection = Connection(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """End a run at once, without waiting for its tasks.

    Parameters
    ----------
    run
        The run's id.
    reason
        Why, as Temporal shows it.
    authorize
        The deployment's production token, where somebody else has deployed it.
    """

    async def doing(client: "Client") -> Result:
        from ..control import steering

        await steering.terminate(client, run, reason)
        return _state(run, "terminated")

    return _with_client(connection, run, authorize, doing)


def _with_client(
    connection: Connection,
    run: str,
    token: str | None,
    doing: Callable[["Client"], Awaitable[Result]],
    anybody: bool = False,
) -> Result:
    """Do it for whoever may steer the run: who deployed it, or has its production token; or for ``anybody``."""

    async def done() -> Result:
        from ..control import found, steering, tokens
        from .session import open_client

        client = await open_client(connection, connection.settings())
        if not anybody:
            given = await steering.given_to(client, await found.describe(client, run))
            tokens.authorize(given.manifest, tokens.username(), token)
        return await doing(client)

    return asyncio.run(done())


def _state(run: str, status: str, note: str | None = None) -> Result:
    run_id = run.rsplit("/", 1)[-1]
    notes = () if note is None else (note,)
    return Result({"run_id": run_id, "status": status}, f"{run_id}\t{status}", run_id, notes, exit=Exit.OK)
