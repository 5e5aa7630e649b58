"""Keys of a workflow's memo, which lists and descriptions read without a worker."""

#: Whether the run is paused.
PAUSED = "paused"
#: The status of a run that the server only knows as failed: timed_out or cancelled.
ENDED = "ended"
#: Tasks done and known (a list of two), the step that failed, the run's tags.
TALLY, FAILED_STEP, TAGS = "tasks", "failed_step", "tags"
#: The process of `mftctl run` that serves the run (``control/runs/serving_process.py``).
PROCESS = "process"
#: When the first execution of a run that continued as new started (Unix seconds).
BEGAN = "began"
#: Seconds between updates of the task counts, which lists read without a worker.
MEMO_INTERVAL = 10.0
