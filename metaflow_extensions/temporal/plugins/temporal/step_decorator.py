"""`@temporal`: where, in which order and for how long Temporal hands out the tasks of a step."""

from metaflow.decorators import StepDecorator


class TemporalDecorator(StepDecorator):
    """
    Specifies how Temporal hands out the tasks of this step. Ignored by `python FLOW.py run`.

    Durations are seconds, or text such as '90s', '15m' or '2h'.

    Parameters
    ----------
    queue : str, optional
        Task queue of the tasks, for workers that were started with `mftctl worker --queue`. Default: the deployment's.
    priority : int, optional
        Priority among the tasks of the same task queue, 1 (first) to 5. Default: the deployment's.
    fairness_key : str, optional
        Tasks with different keys take turns, where the Temporal server supports it.
    start_to_close : int or str, optional
        How long an attempt may take. It is stopped then, and fails; @retry may try again.
    schedule_to_start : int or str, optional
        How long a task may wait for a worker. The run fails then.
    heartbeat : int or str, optional
        After how long without a sign of life of its worker an attempt is lost, and another worker tries again.
        Default: 12 seconds.
    """

    name = "temporal"
    defaults = dict.fromkeys(
        ("queue", "priority", "fairness_key", "start_to_close", "schedule_to_start", "heartbeat")
    )
