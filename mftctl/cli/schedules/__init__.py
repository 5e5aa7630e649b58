"""`mftctl schedule`: control when deployments start runs."""
