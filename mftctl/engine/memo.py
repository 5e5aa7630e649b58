"""Keys of a workflow's memo, where descriptions and lists find what they show without a worker. They import nothing."""

#: Key of a run's memo: whether it is paused.
PAUSED = "paused"
#: Key of the memo of a run that has failed: how it ended, where the server would only say that it failed.
ENDED = "ended"
#: Keys of a run's memo, which lists show: tasks done and known, the step that failed, the run's tags.
TALLY, FAILED_STEP, TAGS = "tasks", "failed_step", "tags"
#: Key of the memo of a run that is served by the process that started it (`mftctl run`): which process that is.
PROCESS = "process"
#: Key of the memo of a workflow that went on from another: when the first of them began (Unix seconds).
BEGAN = "began"
