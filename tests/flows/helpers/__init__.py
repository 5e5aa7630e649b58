"""Helpers that flows import from a folder beside them."""
