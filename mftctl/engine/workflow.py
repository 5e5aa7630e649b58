"""The workflow of every flow.

One dynamic definition serves all flows, so that Temporal shows the flow's name as workflow type and a step's name as
activity type. It runs outside the SDK's sandbox: all it imports is this package's own deterministic code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, SearchAttributeKey

from .. import ids
from ..tasks import SCHEDULED_TIME
from .activities import call_hooks, tell_end
from .driver import Driver
from .inputs import RunInput

_DUE = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn(dynamic=True)
class FlowWorkflow:
    """A run of a flow, or a part of one of its foreaches."""

    @workflow.init
    def __init__(self, args: Sequence[RawValue]) -> None:
        given = RunInput.from_plain(workflow.payload_converter().from_payload(args[0].payload, dict))
        timeout = given.manifest.workflow_timeout
        self._given = replace(
            given,
            run_id=given.run_id or ids.run_id_of(workflow.info().workflow_id),
            deadline=given.deadline or (workflow.time() + timeout if timeout else None),
            variables={**_scheduled(), **given.variables},
        )
        self._driver = Driver(self._given)

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> dict[str, Any]:  # noqa: ARG002 - __init__ has read it
        """Run to the end; ApplicationError ``StepFailed`` with the first failure's details when a step fails."""
        given = self._given
        try:
            result = await self._driver.drive()
        except workflow.ContinueAsNewError:
            raise
        except BaseException:
            await call_hooks(given, given.manifest.error_hooks)
            raise
        await tell_end(given)
        await call_hooks(given, given.manifest.success_hooks)
        return result

    @workflow.signal(name="pause")
    async def pause(self, paused: bool) -> None:
        """Start no new task, or go on; tasks that run finish."""
        await self._driver.pause(paused)

    @workflow.query(name="paused")
    def paused(self) -> bool:
        """Whether the run is paused."""
        return self._driver.paused

    @workflow.query(name="progress")
    def progress(self) -> dict[str, Any]:
        """Counts per step: ``{name: {"running", "done", "failed", "known"}}``."""
        return self._driver.progress.to_plain()


def _scheduled() -> dict[str, str]:
    """When the run was due, if a Schedule has started it."""
    due = workflow.info().typed_search_attributes.get(_DUE)
    return {} if due is None else {SCHEDULED_TIME: due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
