"""Garbage collection of long-lived commands."""

from __future__ import annotations

import gc


def collect_again() -> None:
    """Collect garbage from here on, but not what was imported so far."""
    gc.freeze()
    gc.enable()
