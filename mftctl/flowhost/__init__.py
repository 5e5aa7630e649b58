"""Runs tasks in the flow's own interpreter. Standard library and metaflow only: nothing here knows Temporal."""
