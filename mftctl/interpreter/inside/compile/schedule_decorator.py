"""The Schedule of a flow's @schedule and of the options of its deployment."""

from __future__ import annotations

from typing import Any, Optional

from ....model.manifest import Schedule
from ....model.options import Options
from .compile_error import CompileError


def schedule_of(flow: Any, options: Options) -> Optional[Schedule]:
    """When runs of the deployment start; None for a flow without @schedule, or with an empty one."""
    decorators = flow._flow_decorators.get("schedule")
    cron = decorators[0].schedule if decorators else None
    if not cron:
        if options.schedule_overlap or options.catchup_window or options.pause_on_failure:
            raise CompileError(
                f"{flow.name} has no @schedule, so options of a schedule have no effect",
                "usage",
                "decorate the flow with @schedule, or leave these options out",
            )
        return None
    return Schedule(
        cron=str(cron),
        timezone=decorators[0].timezone,
        overlap=options.schedule_overlap or Schedule.overlap,
        catchup_window=options.catchup_window or Schedule.catchup_window,
        pause_on_failure=options.pause_on_failure,
    )
