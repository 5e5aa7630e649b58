"""The workers of a Temporal namespace: from their heartbeats, and those without one from the polls of task queues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import ListWorkersRequest
from temporalio.client import Client
from temporalio.service import RPCError

from ..model.declaration import Declaration
from ..model.resources import Resources
from ..model.worker_version import WorkerVersion
from .pollers import LAST_POLL, LEAVING, NO_ANSWER, SILENCE, Poller
from .task_queue_state import TaskQueueState

State = Literal["running", "stopping", "lost"]
#: For how long a worker that was lost is listed.
KEPT = timedelta(minutes=15)
#: Heartbeats that a worker misses in a row until it is lost.
MISSED = 3
#: Heartbeats of a page, and pages that are read at most: a worker has a heartbeat for each task queue.
PAGE, MAX_PAGES = 500, 40
_IDENTITY, _BUILD = "mftctl@", "mftctl-"


@dataclass(frozen=True)
class Worker:
    """A worker process. What only its heartbeats tell is None for a worker that is known from its polls.

    ``machine``: what tasks with @resources may take there. ``slots`` and ``used``: tasks that it runs at once at most,
    and now. ``version``: of mftctl; ``sdk``: of Temporal's; ``worker_version``: of Temporal's worker versioning, as
    NAME:BUILD.
    """

    identity: str
    state: State
    task_queues: tuple[str, ...]
    last_seen: datetime
    host: str | None = None
    process_id: str | None = None
    machine: Resources | None = None
    slots: int | None = None
    used: int | None = None
    version: str | None = None
    sdk: str | None = None
    started: datetime | None = None
    worker_version: str | None = None


async def list_workers(client: Client, queues: Sequence[TaskQueueState]) -> tuple[list[Worker], bool]:
    """The workers of mftctl and those that poll one of the task queues; whether the server has their heartbeats."""
    now = datetime.now(UTC)
    beats = await _heartbeats(client, now - KEPT)
    return workers_of(beats or (), queues, now), beats is not None


def workers_of(
    beats: Iterable[WorkerHeartbeat], queues: Sequence[TaskQueueState], now: datetime
) -> list[Worker]:
    """The workers with these heartbeats, and those that have only polled the queues, by state and identity."""
    processes: defaultdict[str, dict[str, WorkerHeartbeat]] = defaultdict(dict)
    for beat in sorted(beats, key=lambda one: one.heartbeat_time.ToNanoseconds()):
        # The SDK has a worker for each task queue; one that failed and was made again counts once.
        key = beat.host_info.worker_grouping_key or beat.worker_identity
        processes[key][beat.task_queue] = beat
    names = {one.name for one in queues}
    found, known = [], []
    for process in processes.values():
        worker = _of_heartbeats(list(process.values()), now)
        known.append(worker)
        if _is_ours(worker, process.values(), names):
            found.append(worker)
    found = [*_with_last_polls(found, queues, now), *_of_polls(known, queues, now)]
    states = ("running", "stopping", "lost")
    return sorted(
        (one for one in found if not _has_ended(one) and now - one.last_seen < KEPT),
        key=lambda one: (states.index(one.state), one.identity, one.started or now),
    )


async def _heartbeats(client: Client, since: datetime) -> list[WorkerHeartbeat] | None:
    """The last heartbeats of all workers of the namespace since then; None from a server that does not list them."""
    query = f"HeartbeatTime > '{since.strftime('%Y-%m-%dT%H:%M:%SZ')}'"
    request = ListWorkersRequest(namespace=client.namespace, page_size=PAGE, query=query)
    found: list[WorkerHeartbeat] = []
    try:
        for _ in range(MAX_PAGES):
            answer = await client.workflow_service.list_workers(request)
            found += [one.worker_heartbeat for one in answer.workers_info]
            request.next_page_token = answer.next_page_token
            if not answer.next_page_token:
                break
    except RPCError as error:
        if error.status not in NO_ANSWER:
            raise
        return None
    return found


def _of_heartbeats(beats: list[WorkerHeartbeat], now: datetime) -> Worker:
    """The worker process with these heartbeats, one for each task queue; the newest is the last."""
    last = beats[-1]
    declared = _declaration(last)
    patience = timedelta(seconds=MISSED * declared.heartbeat)
    seen = _time(last.heartbeat_time)
    fresh = [one for one in beats if seen - _time(one.heartbeat_time) < patience]
    serving = [one for one in fresh if one.status not in LEAVING]
    used = sum(one.activity_task_slots_info.current_used_slots for one in fresh)
    state: State = "running" if serving else "stopping"
    if now - seen >= patience and (serving or used):  # else its last heartbeat said goodbye
        state = "lost"
    return Worker(
        identity=last.worker_identity,
        state=state,
        task_queues=tuple(sorted(one.task_queue for one in serving or fresh)),
        last_seen=min(seen, now),
        host=last.host_info.host_name or None,
        process_id=last.host_info.process_id or None,
        machine=declared.machine,
        slots=declared.slots or None,
        used=used,
        version=declared.version or None,
        sdk=last.sdk_version or None,
        started=min(_time(one.start_time) for one in beats),
        worker_version=_worker_version(last),
    )


def _declaration(beat: WorkerHeartbeat) -> Declaration:
    """What the worker declares; of an earlier mftctl its version alone, which is in the build id."""
    declared = [found for one in beat.plugins if (found := Declaration.from_text(one.name))]
    return declared[0] if declared else Declaration(version=_version(beat.deployment_version.build_id) or "")


def _worker_version(beat: WorkerHeartbeat) -> str | None:
    version = beat.deployment_version
    return str(WorkerVersion(version.deployment_name, version.build_id)) if version.deployment_name else None


def _version(build: str) -> str | None:
    return build.removeprefix(_BUILD) if build.startswith(_BUILD) else None


def _is_ours(worker: Worker, beats: Collection[WorkerHeartbeat], names: set[str]) -> bool:
    return (
        worker.version is not None
        or worker.identity.startswith(_IDENTITY)
        or not names.isdisjoint(one.task_queue for one in beats)
    )


def _has_ended(worker: Worker) -> bool:
    """Whether its last heartbeat said goodbye: one that still runs tasks has not ended."""
    return worker.state == "stopping" and not worker.used


def _with_last_polls(
    workers: list[Worker], queues: Sequence[TaskQueueState], now: datetime
) -> Iterable[Worker]:
    """Workers whose polls are newer than their heartbeats: their clock may be wrong. The server's is right."""
    polled: dict[str, datetime] = {}
    for poller in (poller for one in queues for poller in one.pollers):
        polled[poller.identity] = max(poller.last_seen, polled.get(poller.identity, poller.last_seen))
    for worker in workers:
        poll = polled.get(worker.identity)
        alone = sum(one.identity == worker.identity for one in workers) == 1
        if worker.state == "lost" and alone and poll is not None and poll > worker.last_seen:
            state: State = "running" if (now - poll).total_seconds() < SILENCE else "lost"
            yield replace(worker, state=state, last_seen=min(poll, now))
        else:
            yield worker


def _of_polls(known: list[Worker], queues: Sequence[TaskQueueState], now: datetime) -> Iterable[Worker]:
    """Workers without a heartbeat: the first one follows seconds after the start, and some servers keep none."""
    seen = {one.identity: one for one in known}
    polls: defaultdict[str, dict[str, Poller]] = defaultdict(dict)
    for queue in queues:
        for poller in queue.pollers:
            earlier = seen.get(poller.identity)
            again = (
                earlier is not None
                and _has_ended(earlier)
                and poller.last_seen > earlier.last_seen + LAST_POLL
            )
            if (now - poller.last_seen).total_seconds() < SILENCE and (earlier is None or again):
                polls[poller.identity][queue.name] = poller
    for identity, by_queue in polls.items():
        last = max(one.last_seen for one in by_queue.values())
        versions = [found for one in by_queue.values() if (found := _version(one.build))]
        named = [one.version for one in by_queue.values() if one.version]
        host, _, process = identity.removeprefix(_IDENTITY).rpartition(":")
        ours = identity.startswith(_IDENTITY)
        yield Worker(
            identity=identity,
            state="running",
            task_queues=tuple(sorted(by_queue)),
            last_seen=min(last, now),
            host=host if ours else None,
            process_id=process if ours else None,
            version=versions[0] if versions else None,
            worker_version=named[0] if named else None,
        )


def _time(at: Timestamp) -> datetime:
    return at.ToDatetime(tzinfo=UTC)
