"""Start runs: once for each run id, so that a repeated request starts no second run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ...engine.memo import PROCESS
from ...engine.payloads import RunInput
from ...model import ids
from ...model.errors import ConflictError, UnreachableError, UsageError
from ...model.manifest import Manifest
from ..connection.connect import server_error
from ..workflow_options import workflow_options
from . import serving_process
from .lookup import describe, run_input

#: Bytes of a run's input at most; the server warns about larger payloads.
MAX_INPUT_BYTES = 256 * 1024
#: Characters of a run id at most: task queues and child workflows are named after it.
MAX_LENGTH = 150
#: Statuses of a server that has refused a request, so that nothing has started.
_NOT_STARTED = {
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNAUTHENTICATED,
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.RESOURCE_EXHAUSTED,
    RPCStatusCode.UNIMPLEMENTED,
}


@dataclass(frozen=True)
class StartedRun:
    """A run that started now, or (``again``) on an earlier request with the same id; ``status`` as it is now."""

    run_id: str
    status: str = "running"
    again: bool = False


async def start_private_run(
    client: Client,
    manifest: Manifest,
    parameters: Mapping[str, str],
    run_id: str,
    before: Callable[[], None] = lambda: None,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Start a run of the manifest, with resolved parameters, on a task queue that this process serves."""
    memo = {PROCESS: serving_process.current_process()}
    run = RunInput(manifest, run_id, dict(parameters), variables=dict(variables or {}))
    await start_run(client, run, before=before, memo=memo)


async def start_run(
    client: Client,
    run: RunInput,
    workflow_id: str | None = None,
    reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    before: Callable[[], None] = lambda: None,
    memo: Mapping[str, Any] | None = None,
) -> None:
    """Start the workflow of a run, under the run id or the ``workflow_id`` that a Schedule gave it.

    ``before`` is called when all checks have passed, right before the request to the server.
    """
    given = run.to_plain()
    size = len(json.dumps(given, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > MAX_INPUT_BYTES:
        raise UsageError(
            f"the run's parameters are too large: {size} bytes, at most {MAX_INPUT_BYTES} are allowed",
            code="parameters.large",
            hint="pass large data as an IncludeFile parameter",
        )
    before()
    await client.start_workflow(
        run.manifest.flow,
        given,
        id=workflow_id or run.run_id,
        id_reuse_policy=reuse,
        **workflow_options(run, memo),
    )


def run_id_for(flow: str, wanted: str | None) -> str:
    """The ``wanted`` id of a run of the flow, or a new one; exit code 2 when no run can have it.

    Lists recognize runs by the prefix of their ids. A dot separates the id of a child workflow from its run's, and a
    Schedule appends the time.
    """
    if wanted is None:
        return ids.new_run_id(flow)
    start = f"temporal-{flow.lower()}-"
    name = wanted.removeprefix(start)
    fits = wanted.startswith(start) and re.fullmatch(r"[A-Za-z0-9_-]+", name)
    if fits and not re.search(r"\d{4}-\d{2}-\d{2}T\d{6}Z$", name) and len(wanted) <= MAX_LENGTH:
        return wanted
    raise UsageError(
        f"--run-id: '{wanted}' cannot be the id of a run of {flow}",
        code="run.id",
        hint=f"use {start}NAME, where NAME has letters, digits, '_' and '-'; at most {MAX_LENGTH} characters",
    )


async def start_once(
    client: Client, run: RunInput, given: Mapping[str, str], before: Callable[[], None]
) -> StartedRun:
    """Start the run, unless a run with its id, parameters and tags exists already.

    ``given`` are the parameters that the user gave; the others have their defaults. ``before`` is called right before
    the request to the server. Exit code 6 when another run has the id. A connection error says that the run may have
    started, and how to repeat the request.
    """
    try:
        await start_run(client, run, reuse=WorkflowIDReusePolicy.REJECT_DUPLICATE, before=before)
    except WorkflowAlreadyStartedError:
        return await _existing(client, run, given)
    except RPCError as error:
        if error.status in _NOT_STARTED:
            raise
        refusal = server_error(error)
        message = (
            refusal.message if refusal else f"the Temporal server failed: {' '.join(str(error).split())}"
        )
        raise UnreachableError(
            f"{message}; run {run.run_id} may have started",
            code="temporal.unreachable",
            hint=f"repeat the command with --run-id {run.run_id}: the run starts only once",
        ) from error
    return StartedRun(run.run_id)


async def _existing(client: Client, run: RunInput, given: Mapping[str, str]) -> StartedRun:
    found = await describe(client, run.run_id)
    there = await run_input(client, found)
    problem = _difference(there, run, given)
    if problem:
        raise ConflictError(
            f"run {run.run_id} exists already: {problem}", code="run.exists", hint="choose another run id"
        )
    return StartedRun(found.run_id, found.status, again=True)


def _difference(there: RunInput, run: RunInput, given: Mapping[str, str]) -> str | None:
    """How the existing run differs from the requested one; another version of the deployment does not count."""
    if there.manifest.deployment != run.manifest.deployment:
        return f"it belongs to {there.manifest.deployment}"
    defaults = {one.name: one.default for one in there.manifest.parameters}
    for name in sorted({*there.parameters, *given}):
        wanted = run.parameters[name] if name in given else defaults.get(name)
        if there.parameters.get(name) != wanted:
            return f"its parameter '{name}' has another value"
    if set(there.tags) != set(run.tags):
        return "it has other tags"
    return None
