"""The host: imports the flow once, checks what the import has done to the process, and forks supervisors."""
