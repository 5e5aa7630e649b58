"""Notifications to the URLs of `--notify-url` about the end of a run, each sent by a workflow of its own.

The workflow outlives the run, so that an unreachable receiver does not delay the run's end, and gets the notification
later. It is delivered at least once, always with the same id.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy, VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError

from ..model import ids
from .failures import TIMEOUT, plain_failure
from .payloads import RunInput

NOTIFICATION_TYPE = "mftctl.notice"
#: The activity that posts a notification.
POST = "@tell"
SCHEMA_VERSION = 1
#: How long a notification is retried.
PATIENCE = timedelta(days=1)
CALL_TIMEOUT = timedelta(seconds=30)


@workflow.defn(name=NOTIFICATION_TYPE)
class Notification:
    """Sends one notification to one receiver."""

    @workflow.run
    async def run(self, given: dict[str, Any]) -> str:
        """Retry until the receiver accepts it, for at most a day; the HTTP status or the error."""
        try:
            answer: str = await workflow.execute_activity(
                POST,
                given,
                start_to_close_timeout=CALL_TIMEOUT,
                schedule_to_close_timeout=PATIENCE,
                retry_policy=RetryPolicy(
                    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5)
                ),
                result_type=str,
                summary=given["url"],
            )
        except ActivityError as error:
            cause = error.cause
            return f"given up: {cause.message if isinstance(cause, ApplicationError) else cause}"
        return answer


@workflow.defn(name=NOTIFICATION_TYPE, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class VersionedNotification(Notification):
    """The same on workers that have a version: it outlives its run, so it follows the current version.

    The server refuses the behavior from workers that have no version.
    """

    @workflow.run
    async def run(self, given: dict[str, Any]) -> str:
        """Retry until the receiver accepts it, for at most a day; the HTTP status or the error."""
        return await super().run(given)


async def notify(given: RunInput, error: BaseException | None) -> None:
    """Start the notifications of the run's end, and do not wait for them."""
    if given.scope is not None:
        return
    body = _body(given, error)
    for number, receiver in enumerate(given.manifest.notify):
        with contextlib.suppress(WorkflowAlreadyStartedError):  # that of the same run before it was reset
            await workflow.start_child_workflow(
                NOTIFICATION_TYPE,
                {"url": receiver.url, "key_env": receiver.key_env, "body": body},
                id=ids.notice_id(workflow.info().workflow_id, given.generation, number),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=receiver.url,
            )


def _body(given: RunInput, error: BaseException | None) -> dict[str, Any]:
    manifest = given.manifest
    plain = plain_failure(error) if error is not None else {}
    details = plain["details"][0] if plain.get("details") and isinstance(plain["details"][0], dict) else {}
    failure = {
        key: details.get(key) for key in ("message", "step", "task", "attempt", "log", "compensations")
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "id": f"{given.run_id}-{given.generation}",
        "event": f"run.{_status(plain)}",
        "status": _status(plain),
        "run_id": given.run_id,
        "pathspec": f"{manifest.flow}/{given.run_id}",
        "flow": manifest.flow,
        "deployment": manifest.deployment,
        "version": manifest.version,
        "owner": manifest.owner,
        "started_at": _time(given.started),
        "ended_at": _time(workflow.time()),
        "failure": {**failure, "message": details.get("message") or plain["message"]} if details else None,
    }


def _status(plain: dict[str, Any]) -> str:
    if not plain:
        return "completed"
    if plain.get("cancelled"):
        return "cancelled"
    return "timed_out" if plain.get("type") == TIMEOUT else "failed"


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
