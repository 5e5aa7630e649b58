"""The options of a run's workflow, whether a command or a Schedule starts it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from temporalio.common import Priority

from ..engine.memo import TAGS
from ..engine.payloads import RunInput

#: Seconds after the workflow timeout when the server ends a run that no worker has ended; and where it has
#: compensations, which run after the timeout.
SERVER_GRACE, COMPENSATION_GRACE = 300.0, 86400.0


def workflow_options(run: RunInput, memo: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Keyword arguments of ``Client.start_workflow`` and ``ScheduleActionStartWorkflow``; ``memo`` has more keys."""
    manifest, execution_timeout = run.manifest, None
    if manifest.workflow_timeout is not None:
        grace = COMPENSATION_GRACE if manifest.compensations else SERVER_GRACE
        execution_timeout = timedelta(seconds=manifest.workflow_timeout + grace)
    return {
        "task_queue": manifest.task_queue,
        "execution_timeout": execution_timeout,
        "memo": {**initial_memo(run), **(memo or {})},
        "static_summary": manifest.title or f"{manifest.flow} {manifest.version}",
        "static_details": manifest.description,
        "priority": Priority(priority_key=manifest.priority),
    }


def initial_memo(run: RunInput) -> dict[str, Any]:
    """The memo that a run starts with, which lists show."""
    manifest = run.manifest
    tags = {TAGS: list(run.launch.tags)} if run.launch.tags else {}
    return {
        "deployment": manifest.deployment,
        "version": manifest.version,
        "owner": manifest.owner,
        **tags,
    }
