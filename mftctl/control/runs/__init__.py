"""Runs on the Temporal server: start, find, list, describe, resume and stop them."""
