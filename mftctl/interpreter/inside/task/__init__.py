"""The processes of a task: their commands, and what they change in Metaflow before the flow runs."""
