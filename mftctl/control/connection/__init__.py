"""The connection to Temporal: where it is, how to connect, and why that failed."""
