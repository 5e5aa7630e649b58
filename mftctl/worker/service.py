"""The worker process: serves the task queues of its deployments, and shuts down gracefully."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    FixedSizeSlotSupplier,
    PollerBehaviorAutoscaling,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
    WorkerTuner,
)

from .. import __version__
from ..control.resource_queues import ResourceQueues
from ..control.schedule_ids import ScheduleIds
from ..control.unreadable import Warnings
from ..engine.notification import Notification, VersionedNotification
from ..engine.workflow import FlowWorkflow
from ..events.delivery import EventActivities
from ..events.listener import Listener, VersionedListener
from ..model.declaration import HEARTBEAT, Declaration
from ..model.manifest import Launch
from ..model.worker_version import WorkerVersion
from .declaration_plugin import DeclarationPlugin
from .gpus import Gpus
from .host_pool import HostPool
from .metrics import Metrics, WorkerState
from .observer import Observer
from .queue_worker import QueueWorker
from .run_heartbeats import RunHeartbeats
from .run_span import RunSpans
from .slots import Slots
from .task_activity import TaskActivity
from .webhook import post_notice
from .worker_settings import Settings
from .workflow_failures import WorkflowFailureLog

if TYPE_CHECKING:
    from ..control.tracing import Tracer
    from ..interpreter.compilation import PreparedHost

#: Cancellations arrive with the answers to heartbeats: this limits their delay.
HEARTBEAT_THROTTLE = timedelta(seconds=2)
#: How long running tasks may take to finish after the first signal: any time.
GRACEFUL = timedelta(days=365)
#: Seconds between two reads of the task queues to serve.
REFRESH = 2.0
#: Slots of each task queue for workflow tasks, and for local activities.
OTHER_SLOTS = 100
#: Polls of each task queue at once: one while there is nothing to do, and more while the server asks for them.
POLLERS = PollerBehaviorAutoscaling(minimum=1, initial=1, maximum=20)
#: Seconds after which an idle worker stops without an answer of the server.
GIVE_UP = 10.0
#: Workflows that follow the current version of the workers.
_FOLLOWING = (VersionedListener, VersionedNotification)


class Service:
    """Serves task queues with shared hosts and a shared limit of running tasks."""

    def __init__(
        self,
        client: Client,
        settings: Settings,
        observer: Observer,
        warn: Warnings | None = None,
        metrics: Metrics | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self._client = client
        self.schedules = ScheduleIds(client)
        self._tracer = tracer
        self._machine = settings.machine
        self._slots = slots = Slots(settings.concurrency, settings.machine)
        self._tuner = WorkerTuner.create_composite(
            workflow_supplier=FixedSizeSlotSupplier(OTHER_SLOTS),
            activity_supplier=slots,
            local_activity_supplier=FixedSizeSlotSupplier(OTHER_SLOTS),
            nexus_supplier=FixedSizeSlotSupplier(OTHER_SLOTS),
        )
        self._plugin = DeclarationPlugin(
            Declaration(__version__, settings.concurrency, HEARTBEAT, settings.machine)
        )
        self._hosts = HostPool(settings, observer.report)
        self._heartbeats = RunHeartbeats(client, self._hosts, observer.report)
        metrics = metrics or Metrics()
        self._activity = TaskActivity(
            self._hosts,
            slots,
            observer,
            self._heartbeats,
            metrics,
            tracer,
            Gpus(settings.gpus),
            enforce_memory=settings.enforce_memory,
        )
        self._events = EventActivities(client, warn or Warnings(observer.report), observer.report)
        self.report = observer.report
        self._versioning = _versioning(settings.version)

        def report_stuck(message: str, run_id: str) -> None:
            metrics.stuck()
            observer.report(message, run_id)

        self._stuck = WorkflowFailureLog(client, report_stuck)
        self._queues: dict[str, QueueWorker[Worker]] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._began = False

    def serve(self, queue: str) -> None:
        """Serve a task queue, unless it is served already."""
        self._stuck.listen()
        if queue not in self._queues:
            self._queues[queue] = QueueWorker(queue, partial(self._worker, queue), self.report, _unregister)

    def drop(self, queue: str) -> None:
        """Stop serving a task queue; its running tasks finish."""
        stopping = asyncio.create_task(self._queues.pop(queue).stop())
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)

    async def serve_all(self, queues: Callable[[], Awaitable[frozenset[str]]]) -> None:
        """Serve the task queues that ``queues`` returns, every REFRESH seconds, and what this machine can run of those
        for tasks that need more than a slot.
        """
        needs = ResourceQueues(self.schedules)
        while True:
            wanted = await queues()
            if self._machine is not None:
                wanted |= await needs.current(wanted, self._machine)
            for queue in wanted:
                self.serve(queue)
            for queue in set(self._queues) - wanted:
                self.drop(queue)
            self._began = True
            await asyncio.sleep(REFRESH)

    def prepare(self, process: PreparedHost) -> None:
        """Use the process of a compilation for the first host."""
        self._hosts.prepare(process)

    async def warm(self, launch: Launch) -> None:
        """Import a flow before its first task arrives."""
        await self._hosts.warm(launch)

    def state(self) -> WorkerState:
        """What the worker has now."""
        used, hosts = self._slots.used, self._hosts.usage()
        failing = sum(bool(queue.problem) for queue in self._queues.values())
        return WorkerState(
            slots_used=used,
            slots_free=max(0, self._slots.limit - used),
            hosts=hosts.count,
            hosts_memory=hosts.memory,
            hosts_memory_limit=hosts.limit,
            polled=len(self._queues) - failing,
            failing=failing,
        )

    def problems(self) -> list[str]:
        """Why it does not poll all its task queues; a worker of all deployments may have none."""
        if not self._began:
            return ["the worker is starting"]
        return [queue.problem for queue in self._queues.values() if queue.problem]

    async def stop(self) -> None:
        """Take no new task and wait for the running ones, but not for a server that does not answer."""
        for queue in list(self._queues):
            self.drop(queue)
        stopping = asyncio.gather(*self._stopping)
        idle_since: float | None = None
        while not stopping.done():
            await asyncio.wait([stopping], timeout=1)
            now = asyncio.get_running_loop().time()
            idle_since = None if self._activity.busy else idle_since or now
            if idle_since is not None and now - idle_since > GIVE_UP:
                stopping.cancel()
                return

    def stop_tasks(self) -> None:
        """Stop the running tasks; another worker retries them."""
        self._activity.stop_all()

    async def close(self) -> None:
        """Stop the hosts."""
        self._stuck.close()
        await self._heartbeats.stop()
        await self._hosts.close()
        if self._tracer is not None:
            await asyncio.to_thread(self._tracer.close)

    def _worker(self, queue: str, failed: Callable[[BaseException], Awaitable[None]]) -> Worker:
        return Worker(
            self._client,
            task_queue=queue,
            # Also on a task queue where no workflow is: by these polls the worker is seen (``control/pollers.py``).
            workflows=[FlowWorkflow, *(_FOLLOWING if self._versioning else (Listener, Notification))],
            activities=[self._activity.run, self._events.deliver, self._events.start, post_notice],
            workflow_runner=UnsandboxedWorkflowRunner(),
            tuner=self._tuner,
            workflow_task_poller_behavior=POLLERS,
            activity_task_poller_behavior=POLLERS,
            graceful_shutdown_timeout=GRACEFUL,
            on_fatal_error=failed,
            max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
            default_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
            # Without one the SDK computes a digest of all modules: 0.4 s at each start.
            build_id=None if self._versioning else f"mftctl-{__version__}",
            deployment_config=self._versioning,
            plugins=[self._plugin],
            interceptors=[] if self._tracer is None else [RunSpans(self._tracer)],
            identity=f"mftctl@{os.uname().nodename}:{os.getpid()}",
        )


def _unregister(worker: Worker) -> None:
    """Let another worker serve the task queue of one that could not start: the SDK registers it when it is made, and
    unregisters it only after its start.
    """
    if not worker._started:  # noqa: SLF001 - it has no other way
        worker._bridge_worker.initiate_shutdown()  # noqa: SLF001


def _versioning(version: WorkerVersion | None) -> WorkerDeploymentConfig | None:
    """How the SDK's workers take part in worker versioning: a run stays on the version that it began on."""
    if version is None:
        return None
    named = WorkerDeploymentVersion(version.name, version.build)
    return WorkerDeploymentConfig(named, True, VersioningBehavior.PINNED)
