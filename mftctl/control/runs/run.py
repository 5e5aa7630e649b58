"""A run as the server describes it: its status and what its memo holds, without reading its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.client import WorkflowExecution

from ...engine.memo import BEGAN, ENDED, FAILED_STEP, PAUSED, TAGS, TALLY
from ...model import ids
from .delays import Delay, pinned_version

#: Statuses that are not the server's names in lower case.
_STATUS = {"canceled": "cancelled", "continued_as_new": "running"}


@dataclass(frozen=True)
class Run:
    """A run. ``status`` is one of ``statuses.STATUSES``; ``problem`` says why a ``stuck`` one is stuck.

    ``done`` and ``known``: how many of its tasks are done and known, as the run last noted; None before the first note.
    ``compensations``: how many a run that ended badly has run, or was to run.
    ``worker_version``: of the workers that it stays on, as NAME:BUILD; empty if it stays on none.
    ``delays``: what an open run waits for, where that was asked for.
    """

    run_id: str
    flow: str
    status: str
    started: datetime
    ended: datetime | None
    deployment: str
    version: str
    workflow_id: str
    execution_id: str
    compensations: int = 0
    owner: str = ""
    tags: tuple[str, ...] = ()
    done: int | None = None
    known: int | None = None
    failed_step: str | None = None
    problem: str | None = None
    task_queue: str = ""
    worker_version: str = ""
    delays: tuple[Delay, ...] = ()

    @property
    def pathspec(self) -> str:
        """Metaflow's name of the run."""
        return f"{self.flow}/{self.run_id}"

    @property
    def seconds(self) -> float:
        """How long it took, or has taken until now."""
        return ((self.ended or datetime.now(UTC)) - self.started).total_seconds()


def from_execution(execution: WorkflowExecution, memo: Mapping[str, Any]) -> Run:
    """The run whose latest execution this is. Raises KeyError, TypeError or ValueError for a memo of another kind."""
    name = execution.status.name.lower() if execution.status else "running"
    status = _STATUS.get(name, name)
    if status == "running" and memo.get(PAUSED):
        status = "paused"
    elif status == "failed":
        status = str(memo.get(ENDED, status))
    done, known = memo.get(TALLY, (None, None))
    return Run(
        run_id=ids.run_id_of(execution.id),
        flow=execution.workflow_type,
        status=status,
        started=datetime.fromtimestamp(memo[BEGAN], UTC) if BEGAN in memo else execution.start_time,
        ended=execution.close_time,
        deployment=str(memo.get("deployment", "")),
        version=str(memo.get("version", "")),
        workflow_id=execution.id,
        execution_id=execution.run_id,
        compensations=int(memo.get("compensations", 0)),
        owner=str(memo.get("owner", "")),
        tags=tuple(memo.get(TAGS, ())),
        done=done,
        known=known,
        failed_step=memo.get(FAILED_STEP),
        task_queue=execution.task_queue,
        worker_version=pinned_version(execution.raw_info),
    )
