"""One attempt at a task, as its supervisor makes it: start, watch, log, record."""
