"""`mftctl trigger`: start a run of a deployment."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from ..control.parameters import check, settle, split
from ..errors import Exit, MftctlError
from ..profiles import Profile
from . import durations, workerfile
from .looking import unserved
from .options import LIST, Connection, Output
from .output import Result, event, say

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from temporalio.client import Client

    from ..control.runs import Ended, Progress
    from ..manifest import Manifest


def trigger(
    name: str,
    /,
    *parameters: str,
    wait: bool | None = None,
    timeout: str | None = None,
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
    run_id_file
        Write the run id to this file.
    tag
        Tag the run; may be repeated.
    """
    limit = None if timeout is None else durations.parse(timeout, "--timeout")
    (deployment,), connection = workerfile.named([name], connection)
    told = workerfile.is_worker_file(name)
    waits = told if wait is None else wait
    request = _Request(deployment, split(parameters), tag, waits or limit is not None, limit, run_id_file)
    result = asyncio.run(_trigger(request, connection, connection.settings()))
    return _as_worker_file(result) if told else result


@dataclass(frozen=True)
class _Request:
    name: str
    parameters: dict[str, str]
    tags: tuple[str, ...]
    wait: bool
    limit: float | None
    run_id_file: Path | None


async def _trigger(request: _Request, connection: Connection, profile: Profile) -> Result:
    from ..compiler.includefile import upload
    from ..control import deployments, runs, workers
    from .memory import collect_again
    from .session import open_client

    collect_again()
    client = await open_client(connection, profile)
    manifest = await deployments.find(client, request.name)
    check(manifest, request.parameters)
    settled = await asyncio.to_thread(settle, manifest, request.parameters, upload)
    run_id = await runs.start(client, manifest, settled, request.tags)
    if request.run_id_file is not None:
        write_run_id(request.run_id_file, run_id)
    served = await workers.has_worker(client, manifest.task_queue)
    if not served:
        say(unserved(manifest.deployment))
    if not request.wait:
        return _started(manifest, run_id, served)
    say(f"run {run_id} started")
    event({"event": "run_started", "run": f"{manifest.flow}/{run_id}"})
    return ended(manifest, run_id, await wait_for(client, run_id, request.limit))


async def wait_for(client: "Client", run_id: str, limit: float | None) -> "Ended":
    """Wait for a run's end and say how it goes on; MftctlError with exit code 124 after ``limit`` seconds."""
    return await within(run_id, limit, _watch(client, run_id))


async def within(run_id: str, limit: float | None, watching: "Awaitable[Ended]") -> "Ended":
    """Let a run be watched for ``limit`` seconds, then MftctlError with exit code 124; whoever leaves is told."""
    try:
        async with asyncio.timeout(limit):
            return await watching
    except TimeoutError:
        raise MftctlError(
            f"run {run_id} has not ended after {durations.format_seconds(limit or 0)}; it goes on",
            exit=Exit.TIMEOUT,
            code="timeout",
        ) from None
    except asyncio.CancelledError:
        say(f"run {run_id} goes on")
        raise


async def _watch(client: "Client", run_id: str) -> "Ended":
    from ..control import found, runs

    async for news in runs.follow(found.handle_of(client, run_id)):
        if isinstance(news, runs.Ended):
            return news
        say(describe(news))
        event({"event": "progress", "run_id": run_id, "steps": news})
    raise AssertionError("a run that is followed ends")


def describe(progress: "Progress") -> str:
    """Where a run is, in a line: ``start 1/1, train 3/10 (2 running)``."""
    return ", ".join(
        f"{step} {counts.get('done', 0)}/{counts.get('known', 0)}"
        + "".join(f" ({counts[state]} {state})" for state in ("running", "failed") if counts.get(state))
        for step, counts in progress.items()
    )


def write_run_id(file: Path, run_id: str) -> None:
    """Write the run id for scripts, whole or not at all."""
    try:
        file.write_text(run_id + "\n", encoding="utf-8")
    except OSError as error:
        raise MftctlError(
            f"{file}: {error.strerror}; run {run_id} is started all the same", code="file.write"
        ) from error


def _as_worker_file(result: Result) -> Result:
    """The same for people, as the worker files of metaflow-temporal say it."""
    assert isinstance(result.data, dict)
    status, run_id = result.data["status"], result.data["run_id"]
    ended = "" if status == "running" else f"Workflow {status.replace('_', ' ')}. "
    return replace(result, text=f"{ended}Run ID: {run_id}")


def _started(manifest: "Manifest", run_id: str, served: bool) -> Result:
    return Result({**_about(manifest, run_id), "status": "running", "worker": served}, run_id, run_id)


def ended(manifest: "Manifest", run_id: str, how: "Ended") -> Result:
    """What to say of a run that was waited for."""
    from ..control import runs

    data = {**_about(manifest, run_id), **how.to_plain()}
    if how.status == "completed":
        return Result(data, run_id, run_id)
    hint = f"once mended: mftctl runs resume {run_id}"
    if how.step:
        hint = f"its logs: mftctl runs logs {run_id} {how.step}; {hint}"
    return Result(data, run_id, run_id, error=runs.failure(run_id, how, hint), log=how.log)


def _about(manifest: "Manifest", run_id: str) -> dict[str, str]:
    return {
        "run_id": run_id,
        "flow": manifest.flow,
        "deployment": manifest.deployment,
        "version": manifest.version,
    }
