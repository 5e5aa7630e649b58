"""What a worker answers over HTTP: its metrics, whether it is alive, and whether it is ready for tasks."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import TypeVar

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from ..control.unserved_queues import find_unserved
from .metrics import Metrics, WorkerState
from .metrics_exporter import MetricsExporter
from .metrics_server import Answer
from .service import Service

T = TypeVar("T")
#: Seconds that the worker's event loop has for an answer. A worker that takes longer is not alive.
LOOP_TIMEOUT = 10.0
#: Seconds that the Temporal server has for the call that shows whether it can be reached; kubelet waits 1 by default.
SERVER_TIMEOUT = timedelta(seconds=0.8)
#: Seconds between two looks for task queues without a worker.
INTERVAL = 60.0
#: Statuses by which a server says that it is there, whatever it thinks of the call.
_ANSWERS = {RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED}
_TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


class Monitor:
    """Answers for a worker, in any thread: from its creation on, and for a service once ``watch`` has been called."""

    def __init__(self, exporter: MetricsExporter) -> None:
        self._exporter = exporter
        self.metrics = Metrics(exporter.runtime.metric_meter)
        self._watched: tuple[asyncio.AbstractEventLoop, Client, Service] | None = None
        self._draining = False
        self._counting: asyncio.Task[None] | None = None

    @property
    def runtime(self) -> Runtime:
        """The SDK's runtime, for the client whose metrics are to be served."""
        return self._exporter.runtime

    def watch(self, client: Client, service: Service) -> None:
        """Answer for this service, which runs in the running event loop."""
        self._watched = asyncio.get_running_loop(), client, service
        self._counting = asyncio.create_task(self._count_unserved(client, service))

    def drain(self) -> None:
        """The worker takes no more tasks."""
        self._draining = True

    @property
    def answers(self) -> Mapping[str, Callable[[], Answer]]:
        """What answers each path."""
        return {"/metrics": self._text, "/healthz": self._health, "/readyz": self._readiness}

    async def _count_unserved(self, client: Client, service: Service) -> None:
        """Ask again and again, and not at each scrape: it takes a request for each task queue of open runs."""
        while True:
            try:
                self.metrics.unserved(len({one.task_queue for one in await find_unserved(client)}))
            except RPCError:  # /readyz says when there is no server; the last figure stays
                pass
            except Exception as error:  # noqa: BLE001 - it must be asked again
                service.report(f"task queues without a worker cannot be counted: {error!r}")
            await asyncio.sleep(INTERVAL)

    def _text(self) -> Answer:
        """All metrics; what the worker has now is asked for first."""
        try:
            state, problem = self._ask(_state), self._problem()
            if state is not None:
                self.metrics.worker(state, ready=not problem, draining=self._draining)
            return Answer(self._exporter.text(), kind=_TEXT_FORMAT)
        except (OSError, TimeoutError, http.client.HTTPException) as error:
            return _unavailable(f"the metrics cannot be read: {error!r}")

    def _health(self) -> Answer:
        """Whether the event loop works: it polls, and sends the heartbeats of tasks."""
        try:
            self._ask(_state)
        except TimeoutError:
            return _unavailable(f"the worker has not answered for {LOOP_TIMEOUT:g} s")
        return Answer(b"ok\n")

    def _readiness(self) -> Answer:
        try:
            problem = self._problem()
        except TimeoutError:
            problem = f"the worker has not answered for {LOOP_TIMEOUT:g} s"
        return _unavailable(problem) if problem else Answer(b"ok\n")

    def _problem(self) -> str:
        """Why the worker is not ready; empty if it is."""
        if self._draining:
            return "the worker is shutting down"
        problem = self._ask(_problem)
        return "the worker is starting" if problem is None else problem

    def _ask(self, question: Callable[[Client, Service], Awaitable[T]]) -> T | None:
        """The answer of the event loop, None before there is one; TimeoutError without an answer."""
        if self._watched is None:
            return None
        loop, client, service = self._watched

        async def asked() -> T:
            return await question(client, service)

        coroutine = asked()
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, loop).result(LOOP_TIMEOUT)
        except RuntimeError as error:  # the loop has ended
            coroutine.close()
            raise TimeoutError from error


async def _state(_: Client, service: Service) -> WorkerState:
    return service.state()


async def _problem(client: Client, service: Service) -> str:
    """Why the worker is not ready; empty if it is."""
    try:
        await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=SERVER_TIMEOUT)
    except RPCError as error:
        if error.status not in _ANSWERS:
            return f"the Temporal server does not answer: {' '.join(error.message.split())}"
    return "; ".join(service.problems())


def _unavailable(why: str) -> Answer:
    return Answer(f"{why}\n".encode(), HTTPStatus.SERVICE_UNAVAILABLE)
