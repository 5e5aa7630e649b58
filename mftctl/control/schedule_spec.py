"""A deployment's Schedule: its action with the manifest, and its spec and policy from the flow's @schedule."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)

from ..engine.payloads import RunInput
from ..model import ids
from ..model.errors import MftctlError, UsageError
from ..model.manifest import Manifest
from . import cron
from .workflow_options import workflow_options

#: The server refuses a payload of 2 MiB; no real manifest comes near this limit.
MAX_MANIFEST_BYTES = 256 * 1024
#: The note of Schedules that are paused only so that the server keeps them: it removes one that is not paused and will
#: start nothing, a week after its last change (``getRetentionExpiration`` in its ``service/worker/scheduler``).
KEPT = "It starts no runs by itself. It is paused because Temporal removes such a Schedule after a week otherwise."


def action_of(manifest: Manifest) -> ScheduleActionStartWorkflow:
    """What the Schedule starts: a run with the manifest. MftctlError for one that is too large."""
    # The server makes the id of a scheduled run; its parameters are the defaults evaluated at deploy time.
    defaults = {one.name: one.default for one in manifest.parameters if one.default is not None}
    run = RunInput(manifest=manifest, run_id="", parameters=defaults)
    given: dict[str, Any] = run.to_plain()
    size = len(json.dumps(given))
    if size > MAX_MANIFEST_BYTES:
        raise MftctlError(
            f"the flow is too large to deploy: its manifest has {size} bytes, at most {MAX_MANIFEST_BYTES} are allowed",
            code="flow.large",
        )
    return ScheduleActionStartWorkflow(
        manifest.flow,
        given,
        id=ids.scheduled_workflow_id(manifest.flow, manifest.deployment),
        **workflow_options(run),
    )


def spec_of(manifest: Manifest) -> ScheduleSpec:
    """When runs are due; never without @schedule. MftctlError (exit code 2) when the schedule cannot start them."""
    schedule = manifest.schedule
    if schedule is None:
        return ScheduleSpec()
    for parameter in manifest.parameters:
        if parameter.must_be_given:
            raise UsageError(
                f"{manifest.flow} has a @schedule, but its parameter '{parameter.name}' has no default",
                code="schedule.parameter",
                hint="give the parameter a default",
            )
    try:
        calendar = cron.parse(schedule.cron)
    except ValueError as error:
        raise UsageError(
            f"{manifest.flow}: @schedule(cron='{schedule.cron}'): {error}",
            code="schedule.cron",
            hint="minute, hour, day of month, month, day of week (1 is SUN), year; such as: 0 6 ? * MON-FRI *",
        ) from error
    return ScheduleSpec(calendars=[_calendar(calendar)], time_zone_name=schedule.timezone)


def policy_of(manifest: Manifest) -> SchedulePolicy:
    """What the Schedule does when runs overlap, were missed, or fail."""
    schedule = manifest.schedule
    if schedule is None:
        return SchedulePolicy()
    return SchedulePolicy(
        overlap=overlap_policy(schedule.overlap),
        catchup_window=timedelta(seconds=schedule.catchup_window),
        pause_on_failure=schedule.pause_on_failure,
    )


def keep(schedule: Schedule, manifest: Manifest) -> None:
    """Let the server keep a deployment without a schedule; a pause by somebody else stays as it is."""
    state = schedule.state
    if manifest.schedule is None and not state.paused:
        state.paused, state.note = True, KEPT
    elif manifest.schedule is not None and state.note == KEPT:
        state.paused, state.note = False, None


def overlap_policy(overlap: str) -> ScheduleOverlapPolicy:
    """The server's policy of that name."""
    return ScheduleOverlapPolicy[overlap.replace("-", "_").upper()]


def unknown_time_zone(manifest: Manifest, reason: str) -> MftctlError:
    """The error for a time zone that the server does not know."""
    zone = manifest.schedule.timezone if manifest.schedule else None
    return UsageError(
        f"{manifest.flow}: @schedule(timezone='{zone}'): {reason}",
        code="schedule.timezone",
        hint="use a name of the IANA time zone database, such as Europe/Berlin",
    )


def _calendar(calendar: cron.Calendar) -> ScheduleCalendarSpec:
    return ScheduleCalendarSpec(
        second=[ScheduleRange(0)],
        minute=_ranges(calendar.minutes, 0, 59),
        hour=_ranges(calendar.hours, 0, 23),
        day_of_month=_ranges(calendar.days, 1, 31),
        month=_ranges(calendar.months, 1, 12),
        day_of_week=_ranges(calendar.days_of_week, 0, 6),
        year=[ScheduleRange(*one) for one in calendar.years],
    )


def _ranges(ranges: tuple[cron.Range, ...], low: int, high: int) -> list[ScheduleRange]:
    return [ScheduleRange(*one) for one in ranges or ((low, high, 1),)]
