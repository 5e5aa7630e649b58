"""The workflow that keeps the events of a deployment until they start a run: one for each deployment with triggers.

Events arrive as signals, so that none is lost while no worker runs. A local activity reads the current version of the
deployment and starts its runs, so that a new version takes effect at once.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.common import VersioningBehavior

from ..engine.commands import CALL_TIMEOUT, RETRY, START, TIMER_FROM
from .inbox import Inbox

LISTENER_TYPE = "mftctl.listener"
SIGNAL, STATE = "event", "state"
#: Bytes of JSON that a listener passes on when it continues as new; the server refuses payloads of 2 MiB.
MAX_CARRIED = 1024 * 1024
#: The patch that added this: before, it continued as new only with no unread events.
CARRIES_UNREAD = "carries-unread"


@workflow.defn(name=LISTENER_TYPE)
class Listener:
    """Starts runs of one deployment."""

    @workflow.init
    def __init__(self, given: dict[str, Any]) -> None:
        self._inbox = Inbox(given, workflow.info().run_id)

    @workflow.run
    async def run(self, given: dict[str, Any]) -> None:  # noqa: ARG002 - __init__ has read it
        """Handle events one after the other, until the deployment is deleted."""
        while True:
            await workflow.wait_condition(lambda: not self._inbox.empty)
            if self._inbox.read_next():
                answer: dict[str, Any] = await workflow.execute_local_activity(
                    START,
                    self._inbox.request(),
                    start_to_close_timeout=CALL_TIMEOUT,
                    retry_policy=RETRY,
                    local_retry_threshold=TIMER_FROM,
                    result_type=dict,
                )
                self._inbox.apply(answer)
                if answer.get("gone"):
                    return
            if workflow.info().is_continue_as_new_suggested() and self._can_continue():
                workflow.continue_as_new(self._inbox.state())

    def _can_continue(self) -> bool:
        """Whether the unread events fit into the next execution's input.

        All signals of this workflow task are in the inbox. A later one makes the server refuse to continue as new, and
        repeat the workflow task with it.
        """
        if self._inbox.empty:
            return True
        return workflow.patched(CARRIES_UNREAD) and self._inbox.size() <= MAX_CARRIED

    @workflow.signal(name=SIGNAL)
    def event(self, plain: Any = None, *_: Any) -> None:
        """Receive an event: ``{"name", "payload", "id", "timestamp"}``, all but the name optional.

        It accepts anything: an error in here would block the workflow, and all later events.
        """
        self._inbox.receive(plain, workflow.time())

    @workflow.query(name=STATE)
    def state(self) -> dict[str, Any]:
        """The pending and unread events, and the result of the last start."""
        return self._inbox.state()


@workflow.defn(name=LISTENER_TYPE, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class VersionedListener(Listener):
    """The listener on workers that have a version: it lives as long as its deployment, so it follows the current one.

    The server refuses the behavior from workers that have no version.
    """

    @workflow.init
    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__(given)

    @workflow.run
    async def run(self, given: dict[str, Any]) -> None:
        """Handle events one after the other, until the deployment is deleted."""
        await super().run(given)
