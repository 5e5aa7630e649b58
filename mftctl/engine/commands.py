"""Commands of a workflow: start activities for tasks and exit hooks, publish the end of a run, and continue as new."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any, NoReturn, TypedDict

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, TimeoutType
from temporalio.exceptions import TimeoutError as ServerTimeout

from ..model import ids
from ..model.event import run_finished_events
from ..model.manifest import MAX_ATTEMPTS, Step
from ..model.task import Task, TaskInput
from .failures import not_taken
from .memo import BEGAN
from .payloads import HookInput, RunInput

#: A worker without a heartbeat for this long is lost.
HEARTBEAT_TIMEOUT = timedelta(seconds=12)
#: Seconds after ``start_to_close`` until the server times out. Its supervisor stops the task first, which begins later
#: than the attempt: host and environment are made before. Not after @timeout, for which Metaflow sets an alarm: what
#: comes after the step's code, such as saving its artifacts, may take any time.
TIMEOUT_GRACE = 900.0
NO_TIMEOUT = timedelta(days=365)
#: Activity type of an exit hook; no step can have this name.
HOOK_TYPE = "@exit_hook"
#: Local activities: deliver an event to the deployments that wait for it, and start the runs that are due.
DELIVER, START = "@deliver", "@start_triggered"
#: They are retried until they succeed: after ``TIMER_FROM`` with timers, since each few seconds of a local activity
#: that is retried inside its workflow task are three events of the history.
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(minutes=2))
TIMER_FROM = timedelta(seconds=5)
CALL_TIMEOUT = timedelta(seconds=30)


class DispatchOptions(TypedDict):
    """The arguments of an activity that depend on its step alone."""

    task_queue: str
    priority: Priority
    start_to_close_timeout: timedelta
    schedule_to_start_timeout: timedelta | None
    heartbeat_timeout: timedelta


def continue_as_new(given: RunInput) -> NoReturn:
    """Continue as new with the current memo: by default the new execution would have the memo of the start."""
    began = {} if given.started is None else {BEGAN: given.started}
    workflow.continue_as_new(given.to_plain(), memo={**workflow.memo(), **began})


async def run_task(given: RunInput, step: Step, task: Task, pausable: bool = False) -> Any:
    """The result of a task's activity. The supervisor decides whether a failure is final, the worker when to retry.

    The result of a ``pausable`` task that was not started because the run is paused is ``{"unstarted": True}``.
    """
    request = TaskInput(
        launch=given.launch,
        run_id=given.run_id,
        task=task,
        user_retries=step.user_retries,
        error_retries=step.error_retries,
        delay=step.delay,
        timeout=step.timeout,
        rewrites=step.rewrites,
        elsewhere=step.elsewhere,
        since=max(task.since, given.since.get(step.name, 0)),
        origin=given.origin,
        origin_executions=given.origin_executions,
        parameters={} if task.inputs else given.parameters,
        variables=given.variables,
        pausable=pausable,
        limit=step.dispatch.start_to_close,
        memory=step.dispatch.memory,
    )
    # A task whose worker was lost is retried at once.
    policy = RetryPolicy(
        initial_interval=timedelta(milliseconds=100), backoff_coefficient=1.0, maximum_attempts=MAX_ATTEMPTS
    )
    try:
        return await workflow.execute_activity(
            step.name,
            request.to_plain(),
            activity_id=task.ref.task_id,
            retry_policy=policy,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=task.label,
            **_dispatch_options(step),
        )
    except ActivityError as error:
        if isinstance(error.cause, ServerTimeout) and error.cause.type is TimeoutType.SCHEDULE_TO_START:
            queue = step.dispatch.queue_of(workflow.info().task_queue)
            raise not_taken(task, queue, step.dispatch.schedule_to_start) from error
        raise


def _dispatch_options(step: Step) -> DispatchOptions:
    """Where and for how long the server may hand out the step's tasks."""
    dispatch = step.dispatch
    limit, waits = dispatch.start_to_close, dispatch.schedule_to_start
    return {
        "task_queue": dispatch.queue_of(workflow.info().task_queue),
        "priority": Priority(priority_key=dispatch.priority, fairness_key=dispatch.fairness_key),
        "start_to_close_timeout": timedelta(seconds=limit + TIMEOUT_GRACE) if limit else NO_TIMEOUT,
        "schedule_to_start_timeout": timedelta(seconds=waits) if waits else None,
        "heartbeat_timeout": (
            timedelta(seconds=dispatch.heartbeat) if dispatch.heartbeat else HEARTBEAT_TIMEOUT
        ),
    }


async def call_hooks(given: RunInput, hooks: tuple[str, ...]) -> None:
    """Call the functions of @exit_hook one after the other; as in Metaflow's runtime, their failures are ignored."""
    for hook in () if given.scope else hooks:
        with contextlib.suppress(ActivityError):
            await workflow.execute_activity(
                HOOK_TYPE,
                HookInput(given.launch, given.run_id, hook).to_plain(),
                start_to_close_timeout=NO_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=RetryPolicy(
                    initial_interval=timedelta(seconds=1), maximum_attempts=MAX_ATTEMPTS
                ),
                summary=hook,
            )


async def publish_run_finished(given: RunInput, generation: int) -> None:
    """Publish the end of a completed run to deployments with @trigger_on_finish; not of a run of `mftctl run`.

    ``generation``: that of its last task. A resumed run that keeps it publishes the same event, which counts once.
    """
    if given.scope is not None or given.manifest.launch.cwd is not None:
        return
    end = ids.task_id(given.manifest.end, generation=generation)
    for event in run_finished_events(given.manifest, given.run_id, end, workflow.time()):
        await workflow.execute_local_activity(
            DELIVER,
            event.to_plain(),
            start_to_close_timeout=CALL_TIMEOUT,
            retry_policy=RETRY,
            local_retry_threshold=TIMER_FROM,
        )
