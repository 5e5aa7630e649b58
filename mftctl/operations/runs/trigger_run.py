"""`mftctl trigger`: start a run of a deployment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...console.output import Result, event, say
from ...console.process import collect_garbage
from ...control import deployments
from ...control.runs import start, tags
from ...control.runs.run_parameters import parse_words, resolve, validate
from ...engine.payloads import RunInput
from ...interpreter.upload import upload
from ...model.errors import UsageError
from ...results.run_results import DeploymentRun
from .. import worker_file
from ..command_options import Connection
from ..missing_workers import look_for_workers
from ..open_client import open_client
from ..run_id_file import announce, check_writable
from ..trigger_span import trigger_span
from .follow_run import follow_to_end
from .run_status import deployment_run, outcome_result


async def start_run(
    connection: Connection,
    name: str,
    parameters: Sequence[str],
    run_tags: tuple[str, ...],
    wait: bool | None,
    limit: float | None,
    run_id: str | None,
    run_id_file: Path | None,
) -> Result[DeploymentRun]:
    """Start the run, and wait for its end if ``wait``, a ``limit`` in seconds or a worker file as ``name`` says so."""
    (deployment,), connection = worker_file.resolve([name], connection)
    as_file = worker_file.is_worker_file(name)
    if limit is not None and wait is False:
        raise UsageError("--timeout and --no-wait cannot be used together", hint="--timeout implies --wait")
    given = parse_words(parameters)
    collect_garbage()
    check_writable(run_id_file)
    tags.validate(run_tags)
    client = await open_client(connection, connection.settings())
    manifest = await deployments.find_manifest(client, deployment)
    run_id = start.run_id_for(manifest.flow, run_id)
    validate(manifest, given)
    tags.validate(run_tags, manifest.launch.tags)
    settled = await asyncio.to_thread(resolve, manifest, given, upload)
    with trigger_span(manifest.deployment, run_id) as variables:
        run = RunInput(manifest, run_id, settled, run_tags, variables=variables)
        started = await start.start_once(client, run, given, lambda: announce(run_id, run_id_file))
    served = await look_for_workers(client, manifest)
    for warning in served.warnings:
        say(warning)
    if started.again:
        say(f"run {run_id} was started before, and is {started.status.replace('_', ' ')}")
    if (as_file if wait is None else wait) or limit is not None:
        if not started.again:
            say(f"run {run_id} started")
        event({"event": "run_started", "run": f"{manifest.flow}/{run_id}"})
        result = outcome_result(manifest, run_id, await follow_to_end(client, run_id, limit))
    else:
        result = Result(
            deployment_run(manifest, run_id, started.status, worker=served.worker), run_id, run_id
        )
    return _as_worker_file(result) if as_file else result


def _as_worker_file(result: Result[DeploymentRun]) -> Result[DeploymentRun]:
    """The result with the text that worker files of metaflow-temporal print."""
    assert result.data is not None
    status = result.data.status
    ended = "" if status == "running" else f"Workflow {status.replace('_', ' ')}. "
    return replace(result, text=f"{ended}Run ID: {result.data.run_id}")
