"""`mftctl trigger`: start a run of a deployment."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..control.runs.parameters import parse_words, resolve, validate
from ..model.errors import Exit, MftctlError
from ..profiles import Profile
from . import runidfile, workerfile
from .hints import after
from .looking import unserved
from .options import LIST, Connection, Output
from .output import Result, event, say
from .text import format_duration, parse_duration

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from temporalio.client import Client

    from ..control.runs.outcome import RunOutcome
    from ..control.runs.start import StartedRun
    from ..model.manifest import Manifest


def trigger(
    name: str,
    /,
    *parameters: str,
    wait: bool | None = None,
    timeout: str | None = None,
    run_id: str | None = None,
    run_id_file: Path | None = None,
    tag: Annotated[tuple[str, ...], LIST] = (),
    connection: Connection = Connection(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Start a run of a deployment and say its run id.

    Parameters
    ----------
    name
        The deployment, or its last part where that is unambiguous; or its worker file, and the run is waited for.
    parameters
        The flow's parameters, each as name=value; of an IncludeFile, the path of a file here.
    wait
        Wait for the run's end: exit code 0, or 3 when it does not complete.
    timeout
        With --wait: give up waiting after this time (exit code 124); the run goes on.
    run_id
        The run's id. With the same id again no second run starts: the first one is said again.
    run_id_file
        Write the run id to this file, before the run starts.
    tag
        Tag the run; may be repeated.
    """
    limit = None if timeout is None else parse_duration(timeout, "--timeout")
    (deployment,), connection = workerfile.named([name], connection)
    as_file = workerfile.is_worker_file(name)
    waits = as_file if wait is None else wait
    request = _Request(
        deployment, parse_words(parameters), tag, waits or limit is not None, limit, run_id, run_id_file
    )
    result = asyncio.run(_trigger(request, connection, connection.settings()))
    return _as_worker_file(result) if as_file else result


@dataclass(frozen=True)
class _Request:
    name: str
    parameters: dict[str, str]
    tags: tuple[str, ...]
    wait: bool
    limit: float | None
    run_id: str | None
    run_id_file: Path | None


async def _trigger(request: _Request, connection: Connection, profile: Profile) -> Result:
    from ..control import deployments, pollers
    from ..control.runs import start, tags
    from ..engine.payloads import RunInput
    from ..interpreter.inside.compile.include_file import upload
    from .process import collect_garbage
    from .session import open_client

    collect_garbage()
    runidfile.check(request.run_id_file)
    tags.validate(request.tags)
    client = await open_client(connection, profile)
    manifest = await deployments.find_manifest(client, request.name)
    run_id = start.run_id_for(manifest.flow, request.run_id)
    validate(manifest, request.parameters)
    tags.validate(request.tags, manifest.launch.tags)
    settled = await asyncio.to_thread(resolve, manifest, request.parameters, upload)
    run = RunInput(manifest, run_id, settled, request.tags)
    started = await start.start_once(
        client, run, request.parameters, lambda: told(run_id, request.run_id_file)
    )
    served = await pollers.has_worker(client, manifest.task_queue)
    if not served:
        say(unserved(manifest.deployment))
    if started.again:
        say(f"run {run_id} was started before, and is {started.status.replace('_', ' ')}")
    if not request.wait:
        return _started(manifest, started, served)
    if not started.again:
        say(f"run {run_id} started")
    event({"event": "run_started", "run": f"{manifest.flow}/{run_id}"})
    return ended(manifest, run_id, await wait_for(client, run_id, request.limit))


def told(run_id: str, file: Path | None) -> None:
    """Say and write down the id of a run before the server is asked to start it."""
    runidfile.write(file, run_id)
    say(f"starting run {run_id}")
    event({"event": "run_starting", "run_id": run_id})


async def wait_for(client: "Client", run_id: str, limit: float | None) -> "RunOutcome":
    """Wait for a run's end and say how it goes on; MftctlError with exit code 124 after ``limit`` seconds."""
    return await within(run_id, limit, _watch(client, run_id))


async def within(run_id: str, limit: float | None, watching: "Awaitable[RunOutcome]") -> "RunOutcome":
    """Let a run be watched for ``limit`` seconds, then MftctlError with exit code 124; whoever leaves is told."""
    try:
        async with asyncio.timeout(limit):
            return await watching
    except TimeoutError:
        raise MftctlError(
            f"run {run_id} has not ended after {format_duration(limit or 0)}; it goes on",
            exit=Exit.TIMEOUT,
            code="timeout",
        ) from None
    except asyncio.CancelledError:
        say(f"run {run_id} goes on")
        raise


async def _watch(client: "Client", run_id: str) -> "RunOutcome":
    from ..control.runs.history import RunHistory
    from ..control.runs.lookup import describe
    from .following import Told, to_the_end

    found = await describe(client, run_id)
    history = RunHistory(client, found)
    return await to_the_end(client, found, history, Told(found, history, introduced=False))


def _as_worker_file(result: Result) -> Result:
    """The same for people, as the worker files of metaflow-temporal say it."""
    assert isinstance(result.data, dict)
    status, run_id = result.data["status"], result.data["run_id"]
    ended = "" if status == "running" else f"Workflow {status.replace('_', ' ')}. "
    return replace(result, text=f"{ended}Run ID: {run_id}")


def _started(manifest: "Manifest", started: "StartedRun", served: bool) -> Result:
    run_id = started.run_id
    return Result({**_about(manifest, run_id), "status": started.status, "worker": served}, run_id, run_id)


def ended(manifest: "Manifest", run_id: str, how: "RunOutcome") -> Result:
    """What to say of a run that was waited for."""
    from ..control.runs import outcome

    data = {**_about(manifest, run_id), **how.to_plain()}
    if how.status == "completed":
        return Result(data, run_id, run_id)
    hint = after(manifest, run_id, how)
    return Result(data, run_id, run_id, error=outcome.run_failed(run_id, how, hint), log=how.log)


def _about(manifest: "Manifest", run_id: str) -> dict[str, str]:
    return {
        "run_id": run_id,
        "flow": manifest.flow,
        "deployment": manifest.deployment,
        "version": manifest.version,
    }
