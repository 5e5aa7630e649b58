"""The process of a task, from its start to the flow's own code."""
