"""Names of the variables by which a task's process learns more of its run than Metaflow's own tell it."""

#: When the run was due on its schedule, in ISO 8601 and UTC.
SCHEDULED_TIME = "MFTCTL_SCHEDULED_TIME"

#: The events that started the run, as Metaflow's ``Trigger`` takes them, in JSON.
TRIGGERS = "MFTCTL_TRIGGERS"

#: Name of the compensation handler that the process runs as its step.
COMPENSATION = "MFTCTL_COMPENSATION"
