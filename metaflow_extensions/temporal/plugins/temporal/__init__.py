"""The command group and the Deployer. Metaflow imports these modules with itself, also where mftctl is not installed
(a code package brings them to any machine), so they import mftctl only when they are used.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Flows written for metaflow-temporal import `step` from here."""
    if name == "step":
        from mftctl.saga import step

        return step
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
