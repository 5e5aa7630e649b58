"""Runs on the Temporal server: start, look up, describe, resume, cancel."""
