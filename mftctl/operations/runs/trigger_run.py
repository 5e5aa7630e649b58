"""`mftctl trigger`: start a run of a deployment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from ...console.output import Result, event, say
from ...console.process import collect_garbage
from ...console.text import parse_duration
from ...control import deployments, pollers
from ...control.runs import start, tags
from ...control.runs.run_parameters import parse_words, resolve, validate
from ...engine.payloads import RunInput
from ...interpreter.upload import upload
from ...results.run_results import DeploymentRun
from .. import worker_file
from ..command_options import Connection
from ..run_id_file import announce, check_writable
from ..selection import unserved
from ..session import open_client
from .finished_run import deployment_run, outcome_result
from .follow_run import follow_to_end


@dataclass(frozen=True)
class TriggerRequest:
    """Arguments of `mftctl trigger`."""

    name: str
    parameters: tuple[str, ...]
    tags: tuple[str, ...]
    wait: bool | None
    timeout: str | None
    run_id: str | None
    run_id_file: Path | None


def start_run(request: TriggerRequest, connection: Connection) -> Result[DeploymentRun]:
    """Start the run, and wait for its end if the request says so."""
    limit = None if request.timeout is None else parse_duration(request.timeout, "--timeout")
    (deployment,), connection = worker_file.resolve([request.name], connection)
    as_file = worker_file.is_worker_file(request.name)
    wait = (as_file if request.wait is None else request.wait) or limit is not None
    result = asyncio.run(_start(replace(request, name=deployment, wait=wait), limit, connection))
    return _as_worker_file(result) if as_file else result


async def _start(
    request: TriggerRequest, limit: float | None, connection: Connection
) -> Result[DeploymentRun]:
    given = parse_words(request.parameters)
    collect_garbage()
    check_writable(request.run_id_file)
    tags.validate(request.tags)
    client = await open_client(connection, connection.settings())
    manifest = await deployments.find_manifest(client, request.name)
    run_id = start.run_id_for(manifest.flow, request.run_id)
    validate(manifest, given)
    tags.validate(request.tags, manifest.launch.tags)
    settled = await asyncio.to_thread(resolve, manifest, given, upload)
    run = RunInput(manifest, run_id, settled, request.tags)
    started = await start.start_once(client, run, given, lambda: announce(run_id, request.run_id_file))
    served = await pollers.has_worker(client, manifest.task_queue)
    if not served:
        say(unserved(manifest.deployment))
    if started.again:
        say(f"run {run_id} was started before, and is {started.status.replace('_', ' ')}")
    if not request.wait:
        return Result(deployment_run(manifest, run_id, started.status, worker=served), run_id, run_id)
    if not started.again:
        say(f"run {run_id} started")
    event({"event": "run_started", "run": f"{manifest.flow}/{run_id}"})
    return outcome_result(manifest, run_id, await follow_to_end(client, run_id, limit))


def _as_worker_file(result: Result[DeploymentRun]) -> Result[DeploymentRun]:
    """The result with the text that worker files of metaflow-temporal print."""
    assert result.data is not None
    status = result.data.status
    ended = "" if status == "running" else f"Workflow {status.replace('_', ' ')}. "
    return replace(result, text=f"{ended}Run ID: {result.data.run_id}")
