"""Deterministic workflow code: the plan decides what runs next, the workflow drives it."""
