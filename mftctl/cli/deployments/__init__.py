"""`mftctl deployments`: list, inspect and delete deployments."""
