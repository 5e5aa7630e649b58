"""Connections to the Temporal server, and the deployments, schedules and runs on it."""
