"""The flow host: imports the flow once, watches what the import does, and forks supervisors."""
