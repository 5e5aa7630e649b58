"""The command group `temporal` and the Deployer.

Metaflow imports these modules with itself, also from a code package on a machine without mftctl. So they import mftctl
only when a command runs.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Flows written for metaflow-temporal import `step` from here."""
    if name == "step":
        from mftctl.saga import step

        return step
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
