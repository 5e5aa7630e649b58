"""Heartbeats of runs to a metadata service, as `python flow.py run` sends them while it runs.

A worker sends them from a run's first task here until Temporal reports the run's end: while its tasks run, and while it
waits for a retry, for the end of a pause, or for other workers. With several workers each of them sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from ..interpreter.client import ProcessEnded
from ..model.errors import MftctlError
from ..model.manifest import Launch
from .host_pool import HostPool

#: Seconds between heartbeats where the service names no time, and after one that did not arrive.
EVERY = 10.0
#: Seconds that the process which sends one has to answer.
TIMEOUT = 60.0
#: Seconds between checks of which runs are due.
_CHECK_EVERY = 1.0
_NEVER = float("inf")


@dataclass
class _Run:
    workflows: set[str]
    launch: Launch
    due: float
    tasks: int = 0
    sending: asyncio.Task[None] | None = None


class RunHeartbeats:
    """Heartbeats of the runs whose tasks this worker runs; ``report`` gets, once, why a service took none."""

    def __init__(self, client: Client, hosts: HostPool, report: Callable[[str, str], None]) -> None:
        self._client = client
        self._hosts = hosts
        self._report = report
        self._runs: dict[str, _Run] = {}
        self._loop: asyncio.Task[None] | None = None
        self._failing = False

    def began(self, launch: Launch, run_id: str, workflow_id: str) -> None:
        """A task of the run has started here."""
        if launch.metadata == "local":
            return
        now = asyncio.get_running_loop().time()
        # Not at once: the first task registers the run with the service.
        run = self._runs.setdefault(run_id, _Run(set(), launch, now + _CHECK_EVERY))
        run.workflows.add(workflow_id)
        run.tasks += 1
        if self._loop is None:
            self._loop = asyncio.create_task(self._send_due())

    def ended(self, run_id: str) -> None:
        """A task of the run has ended here."""
        run = self._runs.get(run_id)
        if run is None:
            return
        run.tasks -= 1
        if run.due == _NEVER and not run.tasks:
            del self._runs[run_id]

    async def stop(self) -> None:
        """Send no more."""
        open_ = [self._loop, *(run.sending for run in self._runs.values())]
        ending = [task for task in open_ if task is not None]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _send_due(self) -> None:
        while True:
            await asyncio.sleep(_CHECK_EVERY)
            now = asyncio.get_running_loop().time()
            for run_id, run in self._runs.items():
                if run.due <= now and (run.sending is None or run.sending.done()):
                    # Beside each other: an import or a service that takes long keeps no other run waiting.
                    run.sending = asyncio.create_task(self._look(run_id, run))

    async def _look(self, run_id: str, run: _Run) -> None:
        if run.tasks or await self._is_open(run):
            await self._send(run_id, run)
        elif not run.tasks:  # none has begun meanwhile
            del self._runs[run_id]

    async def _is_open(self, run: _Run) -> bool:
        """Whether a workflow whose tasks ran here is running: the run's own, or a part of it."""
        for workflow_id in list(run.workflows):
            try:
                found = await self._client.get_workflow_handle(workflow_id).describe()
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    return True  # unknown while the server is unreachable
            else:
                if found.status == WorkflowExecutionStatus.RUNNING:
                    return True
            run.workflows.discard(workflow_id)
        return False

    async def _send(self, run_id: str, run: _Run) -> None:
        run.due = asyncio.get_running_loop().time() + EVERY
        try:
            supervisor = await self._hosts.supervisor(run.launch)
            every = (await supervisor.request("heartbeat", {"run_id": run_id}, timeout=TIMEOUT))["every"]
        except (MftctlError, ProcessEnded, OSError) as error:
            if not self._failing:
                why = str(error) or "the process that sends it does not answer"
                self._report(f"the metadata service took no heartbeat of run {run_id}: {why}", run_id)
            self._failing = True
            return
        if every is None:
            run.due = _NEVER
            if not run.tasks:
                del self._runs[run_id]
        else:
            self._failing = False
            run.due += every - EVERY
