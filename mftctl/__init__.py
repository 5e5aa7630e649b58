"""mftctl: run any Metaflow flow as a durable Temporal workflow."""

__version__ = "0.1.0"
