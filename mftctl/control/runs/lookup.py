"""Find runs on the Temporal server: one by its id or a prefix of it, or a list."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client, WorkflowExecution, WorkflowHandle
from temporalio.converter import decode_typed_search_attributes

from ...engine.payloads import DUE, RunInput, scheduled
from ...model import ids
from ...model.errors import ConflictError, MftctlError, NotFoundError
from ...model.statuses import OPEN
from ..connection.connect import IgnoreNotFound
from ..unreadable import input_of
from . import serving_process
from .run import Run, from_execution

#: Characters that a prefix of a run id needs at least.
MIN_PREFIX = 6
#: Stands for the run that was started last.
LATEST = "@latest"
#: Rows of one page of the server's list, at most; candidates that an error about an ambiguous prefix lists.
PAGE, CANDIDATES = 1000, 8
#: Executions whose runs are asked for a later one at once.
BATCH = 100
#: Runs that a filtered list reads at most.
MAX_READ = 10_000

_ID = re.compile(r"[\w.:+-]+")
_SCHEDULED = re.compile(r"^(.*-\d{4}-\d{2}-\d{2}T\d{2})(\d{2})(\d{2}Z)$")
_SCHEDULED_HEAD = re.compile(r"^(.*-\d{4}-\d{2}-\d{2}T\d{2})\d")
#: The server's name of a status, where it is not ours capitalized.
_QUERY = {"cancelled": "Canceled", "timed_out": "TimedOut", "paused": "Running", "stuck": "Running"}
#: Statuses that no later execution of the same run can follow.
_FINAL = frozenset({*OPEN, "completed"})
_ROOT_RUNS = ("WorkflowId STARTS_WITH 'temporal-'", "ParentWorkflowId IS NULL")


def workflow_handle(client: Client, run_id: str) -> WorkflowHandle[Any, Any]:
    """The workflow of the run ``run_id``, an id or ``Flow/id``."""
    run_id = run_id.rsplit("/", 1)[-1]
    scheduled = _SCHEDULED.match(run_id)
    return client.get_workflow_handle(":".join(scheduled.groups()) if scheduled else run_id)


async def describe(client: Client, run_id: str) -> Run:
    """The run of an id or ``Flow/id`` as it is now; exit code 4 when there is none."""
    flow, _, name = run_id.rpartition("/")
    if not name:
        raise unknown_run(run_id)
    with IgnoreNotFound():
        described = await workflow_handle(client, name).describe()
        run = await _run(client, described) if described.parent_id is None else None
        if run is not None and flow in {"", run.flow}:
            return run
    raise unknown_run(run_id)  # also for a part of a run, and for a workflow that is not ours


async def find(client: Client, name: str, deployment: str | None = None) -> Run:
    """The run called ``name``: its id, ``Flow/id``, a prefix of its id, or ``@latest``.

    ``deployment``: ``@latest`` is the latest run of it. Exit code 4 when no run matches, or more than one.
    """
    if name == LATEST:
        return await _latest(client, deployment)
    try:
        return await describe(client, name)
    except MftctlError as error:
        flow, _, prefix = name.rpartition("/")
        if error.code != "run.unknown" or len(prefix) < MIN_PREFIX or not _ID.fullmatch(prefix):
            raise
    candidates = [one for one in await _with_prefix(client, prefix) if flow in {"", one.flow}]
    if not candidates:
        raise unknown_run(name)
    if len(candidates) > 1:
        named = ", ".join(one.run_id for one in candidates[:CANDIDATES])
        more = " and others" if len(candidates) > CANDIDATES else ""
        raise NotFoundError(f"'{name}' is ambiguous", code="run.ambiguous", hint=f"it matches: {named}{more}")
    return candidates[0]


async def run_input(client: Client, run: Run) -> RunInput:
    """The input of the run; of one that a Schedule started, with the variable that holds its scheduled time."""
    async for event in workflow_handle(client, run.run_id).fetch_history_events(page_size=1):
        started = event.workflow_execution_started_event_attributes
        given = await input_of(client.data_converter, started.input.payloads)
        due = decode_typed_search_attributes(started.search_attributes).get(DUE)
        return given if due is None else replace(given, variables={**scheduled(due), **given.variables})
    raise MftctlError(f"the server no longer has the history of run {run.run_id}", code="run.forgotten")


def require_flow(run: Run, flow: str) -> Run:
    """The run, if it belongs to that flow; exit code 6 otherwise."""
    if run.flow != flow:
        raise ConflictError(f"run {run.run_id} belongs to {run.flow}, not to {flow}", code="run.mismatch")
    return run


async def list_runs(
    client: Client,
    *,
    flow: str | None = None,
    deployment: str | None = None,
    statuses: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
    since: datetime | None = None,
    limit: int = 50,
    on_bound: Callable[[int], None] = lambda _: None,
) -> list[Run]:
    """List runs in the server's order: open ones first, the newest first; then closed ones, the last to end first.

    Child workflows of wide foreaches, and executions that were resumed since, are left out. ``tags``: a run must have
    all of them. ``since``: a run must have started after it. Deployment and tags are in memos, which the server cannot
    search: ``on_bound`` is called with MAX_READ when that many runs were read and there are more.
    """
    terms = []
    if flow:
        terms.append(f"WorkflowType = '{flow}'")
    if since is not None:
        terms.append(f"StartTime >= '{since.astimezone(UTC).isoformat()}'")
    if statuses:
        # A run that exceeded its workflow timeout, or was cancelled after it continued as new, fails by itself: to the
        # server it is failed.
        asked = {*statuses, "failed"} if {"timed_out", "cancelled"} & set(statuses) else set(statuses)
        names = ", ".join(sorted({f"'{_QUERY.get(status, status.capitalize())}'" for status in asked}))
        terms.append(f"ExecutionStatus IN ({names})")
    # A paused run is also running, and an open one may be stuck.
    kept = {*statuses, *(("running", "paused") if {"running", "stuck"} & set(statuses) else ())}
    # The server knows the start of the last execution of a run that continued as new.
    narrow = deployment is not None or bool(tags) or bool(statuses) or since is not None
    final = bool(statuses) and _FINAL.issuperset(statuses)
    found: list[Run] = []
    unsure: list[Run] = []  # whether a later execution has superseded them
    read = 0
    async for one in _list(client, terms, PAGE if narrow else limit):
        if read == MAX_READ:
            on_bound(read)
            break
        read += 1
        fits = deployment in {None, one.deployment} and (not statuses or one.status in kept)
        fits = fits and (since is None or one.started >= since)
        if fits and set(tags) <= set(one.tags):
            (found if final else unsure).append(one)
        # After the first look: many at once, each look is a request.
        if len(unsure) >= max(limit - len(found), 0 if read <= limit else BATCH):
            found += await _without_superseded(client, unsure)
            unsure = []
        if len(found) >= limit:
            return found[:limit]
    return (found + await _without_superseded(client, unsure))[:limit]


async def run_ids(client: Client, prefix: str, limit: int) -> list[str]:
    """Ids of the newest runs that start with ``prefix``."""
    start = prefix if prefix.startswith("temporal-") else "temporal-"
    if not re.fullmatch(r"[\w.-]+", start) or not start.startswith(prefix):
        return []
    query = f"WorkflowId STARTS_WITH '{start}' AND ParentWorkflowId IS NULL"
    listed = client.list_workflows(query, limit=limit, page_size=limit)
    return list(dict.fromkeys([ids.run_id_of(one.id) async for one in listed]))


def unknown_run(run_id: str) -> MftctlError:
    """The error for a run that does not exist."""
    return NotFoundError(
        f"there is no run '{run_id}'",
        code="run.unknown",
        hint="list the runs that the server still has with: mftctl runs list",
    )


async def _list(client: Client, terms: Iterable[str], size: int) -> AsyncIterator[Run]:
    """Each run once, by its last execution."""
    # The last workflow of a run that continued as new stands for the run.
    query = " AND ".join((*_ROOT_RUNS, "ExecutionStatus != 'ContinuedAsNew'", *terms))
    seen: set[str] = set()
    async for listed in client.list_workflows(query, page_size=min(size, PAGE)):
        if listed.id not in seen:
            seen.add(listed.id)
            if (run := await _run(client, listed)) is not None:
                yield run


async def _without_superseded(client: Client, runs: list[Run]) -> list[Run]:
    """Drop executions superseded by a later resume."""
    if not runs:
        return runs
    names = ", ".join(f"'{one.workflow_id}'" for one in runs)
    latest = {
        one.workflow_id: one.execution_id async for one in _list(client, [f"WorkflowId IN ({names})"], PAGE)
    }
    return [one for one in runs if latest.get(one.workflow_id, one.execution_id) == one.execution_id]


async def _latest(client: Client, deployment: str | None) -> Run:
    best: Run | None = None
    async for one in _list(client, [], PAGE if deployment else 20):
        # A run that ended before the best one began also started before it.
        if best is not None and one.ended is not None and one.ended < best.started:
            break
        if deployment in {None, one.deployment} and (best is None or one.started > best.started):
            best = one
    if best is not None:
        return best
    of = f" of {deployment}" if deployment else ""
    raise NotFoundError(
        f"there is no run{of}", code="run.unknown", hint="start one with: mftctl trigger NAME"
    )


async def _with_prefix(client: Client, prefix: str) -> list[Run]:
    """Runs whose ids start with ``prefix``; at most one more than an error lists."""
    scheduled = _SCHEDULED_HEAD.match(prefix)
    term = f"WorkflowId STARTS_WITH '{scheduled.group(1) if scheduled else prefix}'"
    found: list[Run] = []
    async for one in _list(client, [term], PAGE if scheduled else CANDIDATES + 1):
        if one.run_id.startswith(prefix) and one.deployment:
            found.append(one)
        if len(found) > CANDIDATES:
            break
    return found


async def _run(client: Client, given: WorkflowExecution) -> Run | None:
    """The run; None for a workflow that is not a run of ours: its memo cannot be read or lacks the deployment.

    A run whose `mftctl run` was killed is terminated.
    """
    try:
        memo = await given.memo()
        if "deployment" not in memo:
            return None
        run = from_execution(given, memo)
        if run.status in {"running", "paused"} and await serving_process.end_abandoned(client, given, memo):
            return replace(run, status="terminated", ended=datetime.now(UTC))
    except (RuntimeError, KeyError, TypeError, ValueError):
        return None
    return run
