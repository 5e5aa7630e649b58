"""Check whether a run is paused before the start of a task that has waited, maybe since before the pause."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity
from temporalio.client import WorkflowQueryFailedError
from temporalio.service import RPCError

#: Seconds that a task may have waited without a check, and for which an answer is reused.
FRESH = 1.0
#: Seconds to wait for an answer; without one the task starts.
TIMEOUT = 5.0


class PauseCheck:
    """Queries the workflow of the current activity, once for all activities of that workflow."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[float, asyncio.Task[bool]]] = {}

    async def hold_back(self, waited_here: float) -> bool:
        """Whether the task must not start; ``waited_here``: seconds since the worker received it.

        For first attempts: a task that has started runs to its end, retries included.
        """
        info = activity.info()
        waited = (info.started_time - info.current_attempt_scheduled_time).total_seconds() + waited_here
        if waited < FRESH or info.workflow_id is None:
            return False
        now = asyncio.get_running_loop().time()
        self._asked = {key: one for key, one in self._asked.items() if now - one[0] < FRESH}
        if info.workflow_id not in self._asked:
            asking = asyncio.create_task(_ask(info.workflow_id, info.workflow_run_id))
            self._asked[info.workflow_id] = (now, asking)
        return await asyncio.shield(self._asked[info.workflow_id][1])


async def _ask(workflow_id: str, workflow_run_id: str | None) -> bool:
    handle = activity.client().get_workflow_handle(workflow_id, run_id=workflow_run_id)
    try:
        return bool(await handle.query("paused", result_type=bool, rpc_timeout=timedelta(seconds=TIMEOUT)))
    except (RPCError, WorkflowQueryFailedError):
        return False
