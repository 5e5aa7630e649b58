"""What mftctl keeps and runs on this machine: the embedded Temporal server and caches."""
