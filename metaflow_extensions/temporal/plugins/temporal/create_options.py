# ruff: noqa: E501
# fmt: off
"""Options of `temporal create`: made from mftctl/model/options.py by `./just reference`, not edited."""

from metaflow._vendor import click

CREATE_OPTIONS = [
    click.option("--tag", "tags", multiple=True, default=None, help="Tag all runs; may be repeated."),
    click.option("--namespace", "user_namespace", default=None, help="Metaflow namespace of the runs (default: the user's)."),
    click.option("--max-workers", "max_workers", type=int, default=None, help="Tasks of a run at once (default: 100, or 16 with `mftctl run`)."),
    click.option("--workflow-timeout", "workflow_timeout", type=int, default=None, help="Stop a run after this time, in seconds."),
    click.option("--workflow-title", "workflow_title", default=None, help="Title of the runs in Temporal's UI (default: flow and version)."),
    click.option("--workflow-description", "workflow_description", default=None, help="Description of the runs in Temporal's UI (default: the flow's docstring)."),
    click.option("--priority", "priority", type=int, default=None, help="Priority among runs of the same task queue, 1 (first) to 5 (default: 3)."),
    click.option("--task-queue", "task_queue", default=None, help="Task queue of its workers (default: the deployment's own)."),
    click.option("--step-queue", "step_queues", multiple=True, default=None, help="STEP=QUEUE: task queue of a step's tasks, instead of the deployment's; may be repeated."),
    click.option("--schedule-overlap", "schedule_overlap", type=click.Choice(["skip", "buffer-one", "cancel-other", "allow-all"]), default=None, help="What happens to a run that is due while the previous one is running (default: skip)."),
    click.option("--catchup-window", "catchup_window", default=None, help="Start runs that were missed at most this long ago, such as 1h or 7d (default: 1d)."),
    click.option("--pause-on-failure", "pause_on_failure", is_flag=True, default=False, help="Pause the schedule when a run fails."),
    click.option("--notify-url", "notify_urls", multiple=True, default=None, help="POST a JSON object to this URL when a run has ended; may be repeated."),
    click.option("--notify-key-env", "notify_key_env", default=None, help="Variable of the worker with the key that signs notifications."),
    click.option("--authorize", "authorize", default=None, help="Production token of a flow that somebody else deployed; it is saved for the next time."),
    click.option("--generate-new-token", "generate_new_token", is_flag=True, default=False, help="Make a new production token; the runs move to its namespace."),
    click.option("--new-token", "given_token", default=None, help="Use this production token; the runs move to its namespace."),
]
