"""The workflow that keeps the events of a deployment until they start a run: one a deployment with triggers.

Events come as signals, so that none is lost while no worker is there; what is to be done about them is asked of the
deployment as it is now, in a local activity, so that a new version of it counts at once.
"""

from __future__ import annotations

from typing import Any

from temporalio import workflow

from ..engine.activities import CALL_TIMEOUT, RETRY, START
from .inbox import Inbox

LISTENER_TYPE = "mftctl.listener"
SIGNAL, STATE = "event", "state"
#: Bytes of JSON that a listener carries when it continues as new; a payload of the server holds 2 MiB.
MAX_CARRIED = 1024 * 1024
#: The patch that brought it: before, it continued as new only with nothing unread.
CARRIES_UNREAD = "carries-unread"


@workflow.defn(name=LISTENER_TYPE)
class Listener:
    """Starts runs of one deployment."""

    @workflow.init
    def __init__(self, given: dict[str, Any]) -> None:
        self._inbox = Inbox(given, workflow.info().run_id)

    @workflow.run
    async def run(self, given: dict[str, Any]) -> None:  # noqa: ARG002 - __init__ has read it
        """Take events one after the other, until the deployment is gone."""
        while True:
            await workflow.wait_condition(lambda: not self._inbox.empty)
            if self._inbox.read():
                answer: dict[str, Any] = await workflow.execute_local_activity(
                    START,
                    self._inbox.asked(),
                    start_to_close_timeout=CALL_TIMEOUT,
                    retry_policy=RETRY,
                    result_type=dict,
                )
                self._inbox.answered(answer)
                if answer.get("gone"):
                    return
            if workflow.info().is_continue_as_new_suggested() and self._can_continue():
                workflow.continue_as_new(self._inbox.state())

    def _can_continue(self) -> bool:
        """Whether what is unread can go along: it must fit into the next execution's input.

        All signals of this workflow task are in the inbox by now. One that comes meanwhile makes the server refuse to
        continue as new and repeat the workflow task with it.
        """
        if self._inbox.empty:
            return True
        return workflow.patched(CARRIES_UNREAD) and self._inbox.size() <= MAX_CARRIED

    @workflow.signal(name=SIGNAL)
    def event(self, plain: Any = None, *_: Any) -> None:
        """Something has happened: ``{"name", "payload", "id", "timestamp"}``, all but the name optional.

        It takes anything: an error in here would stop the workflow, and the events that come later with it.
        """
        self._inbox.take(plain, workflow.time())

    @workflow.query(name=STATE)
    def state(self) -> dict[str, Any]:
        """What waits for other events, and the last run that was started or could not be."""
        return self._inbox.state()
