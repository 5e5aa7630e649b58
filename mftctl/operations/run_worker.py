"""`mftctl worker`: run the tasks of deployments until a signal ends the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from temporalio.service import RPCError

from ..console import log_lines
from ..console.background import background
from ..console.output import Level, Result, say
from ..console.process import Signals, collect_garbage, first_of
from ..control import deployments, trace_settings
from ..control.task_queues import TaskQueues
from ..control.unreadable import Warnings
from ..model.attempt import Attempt, NextAttempt
from ..model.errors import UsageError
from ..model.ids import task_queue_problem
from ..model.task import Outcome
from ..profiles import Profile, Setting
from ..worker.observer import Observer
from ..worker.service import Service
from ..worker.worker_settings import Settings
from . import version_operations, worker_file
from .command_options import Connection
from .open_client import export_to_tasks, open_client
from .pending_retries import retry_text
from .worker_options import WorkerOptions

if TYPE_CHECKING:
    from ..worker.monitor import Monitor


def run_worker(
    names: Sequence[str],
    serve_all: bool,
    queues: Sequence[str],
    options: WorkerOptions,
    connection: Connection,
) -> Result[None]:
    """Serve the deployments that ``names`` and worker files name, or all of them, or task queues, until a signal."""
    if sum(map(bool, (names, serve_all, queues))) > 1:
        raise UsageError(
            "names, --all and --queue cannot be used together", hint="Try `mftctl worker --help`."
        )
    named, connection = worker_file.resolve(names, connection)
    profile = connection.settings()
    frame = log_lines.begin(profile.get("log_format", options.log_format) or "text")
    if not (names or serve_all or queues):
        queue = profile.get("task_queue")
        if queue is None:
            raise UsageError("name deployments, or use --all or --queue", hint="Try `mftctl worker --help`.")
        queues = (queue,)
    for name in queues:
        if problem := task_queue_problem(name):
            raise UsageError(f"--queue: {name!r}: {problem}", hint="name a task queue, such as default")
    settings = options.settings(profile)
    monitor = _monitor(profile.setting("metrics", options.metrics))
    with background(frame=frame):
        asyncio.run(_serve(named or None, frozenset(queues), settings, connection, profile, monitor))
    return Result()


def _monitor(address: Setting) -> Monitor | None:
    """A monitor that is served at an address, if there is one; MftctlError with exit code 2 if it cannot be."""
    if address.value is None:
        return None
    # Only for metrics: 20 ms of each other worker, and of `run`.
    from ..worker.metrics_exporter import MetricsExporter
    from ..worker.metrics_server import MetricsServer
    from ..worker.monitor import Monitor

    server = MetricsServer(address.value, str(address.source))
    monitor = Monitor(MetricsExporter())
    server.serve(monitor.answers)
    say(f"metrics at {server.url}")
    return monitor


async def _serve(
    names: list[str] | None,
    queues: frozenset[str],
    settings: Settings,
    connection: Connection,
    profile: Profile,
    monitor: Monitor | None,
) -> None:
    collect_garbage()
    client = await open_client(connection, profile, monitor.runtime if monitor else None)
    export_to_tasks(client, profile)
    served = None
    if names is not None:
        served = frozenset([(await deployments.find_manifest(client, name)).deployment for name in names])
    observer = TaskLog()
    warnings = Warnings(observer.report)
    metrics = monitor.metrics if monitor else None
    service = Service(client, settings, observer, warnings, metrics, trace_settings.tracer(observer.report))
    if monitor is not None:
        monitor.watch(client, service)
    note = None
    if settings.version is not None:
        note = await version_operations.start_note(client, settings.version)
    signals = Signals()
    current = _given(queues) if queues else _found(TaskQueues(client, served, service.schedules, warnings))
    serving = asyncio.create_task(service.serve_all(current))
    what = f"task queue {', '.join(sorted(queues))}" if queues else ", ".join(sorted(served or ()))
    say(f"serving {what or 'all deployments'} on {client.service_client.config.target_host}")
    if note is not None:
        say(note)
    await first_of(serving, signals.first)
    if serving.done():
        await service.close()
        serving.result()
    serving.cancel()
    if monitor is not None:
        monitor.drain()
    say("Worker shutting down gracefully.")
    stopping = asyncio.create_task(service.stop())
    await first_of(stopping, signals.second)
    if not stopping.done():
        say("stopping the running tasks; they run again on another worker")
        service.stop_tasks()
    await stopping
    await service.close()


def _given(queues: frozenset[str]) -> Callable[[], Awaitable[frozenset[str]]]:
    """A function for the task queues to serve now: always these."""

    async def given() -> frozenset[str]:
        return queues

    return given


def _found(task_queues: TaskQueues) -> Callable[[], Awaitable[frozenset[str]]]:
    """A function for the task queues to serve now; the last ones while the server does not answer."""
    last: frozenset[str] = frozenset()
    answers = True

    async def queues() -> frozenset[str]:
        nonlocal last, answers
        try:
            last = await task_queues.current()
        except RPCError as error:
            if answers:
                say(f"the Temporal server does not answer, retrying: {error.message}", "warning")
            answers = False
        else:
            if not answers:
                say("the Temporal server answers again")
            answers = True
        return last

    return queues


class TaskLog(Observer):
    """Writes one line per event to stderr; what tasks print goes to Metaflow's logs only."""

    def started(self, attempt: Attempt) -> None:
        """An attempt starts."""
        again = f" (attempt {attempt.number + 1})" if attempt.number else ""
        _log("info", attempt, f"started{again}", event="task_started")

    def finished(self, attempt: Attempt, outcome: Outcome) -> None:  # noqa: ARG002 - the observer's
        """The attempt succeeded."""
        _log("info", attempt, "finished", event="task_finished")

    def failed(
        self,
        attempt: Attempt,
        message: str,
        log: Sequence[str],  # noqa: ARG002
        again: NextAttempt | None,
    ) -> None:
        """The attempt failed."""
        what = f"failed: {message}"
        if again is None:
            _log("error", attempt, what, event="task_failed")
        else:
            due = datetime.fromtimestamp(again.at, UTC).isoformat(timespec="seconds")
            _log("warning", attempt, f"{what}; {retry_text(again)}", event="task_failed", next_attempt=due)

    def cancelled(self, attempt: Attempt) -> None:
        """The attempt was cancelled."""
        _log("info", attempt, "stopped", event="task_cancelled")

    def hook(self, flow: str, run_id: str, name: str, ok: bool, output: list[str]) -> None:  # noqa: ARG002
        """An exit hook ran."""
        message = f"{flow}/{run_id} exit hook {name} {'finished' if ok else 'failed'}"
        about = {"event": "exit_hook", "flow": flow, "run_id": run_id, "hook": name}
        log_lines.task_line("info" if ok else "warning", message, **about)

    def report(self, message: str, about: Attempt | str | None = None) -> None:
        """Write a message of the worker."""
        say(message, "warning", **(_ids(about) if isinstance(about, Attempt) else {"run_id": about}))


def _log(level: Level, attempt: Attempt, what: str, **more: Any) -> None:
    log_lines.task_line(level, f"{attempt.pathspec} {what}", **_ids(attempt), **more)


def _ids(attempt: Attempt) -> dict[str, Any]:
    """The fields of a line (``LogLine``) about an attempt."""
    ref = attempt.task.ref
    known = {"flow": attempt.flow, "run_id": attempt.run_id, "step": ref.step, "task": ref.task_id}
    return {**known, "attempt": attempt.number, "trace_id": attempt.trace}
