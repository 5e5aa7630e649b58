"""Why a run was started, told to its tasks: the time it was due on its schedule."""

from __future__ import annotations

import os
from typing import Any

from ..tasks import SCHEDULED_TIME


def prepare() -> None:
    """Give what this process registers with Metaflow's metadata the system tag ``scheduled_time:…``."""
    due = os.environ.get(SCHEDULED_TIME)
    if not due:
        return
    from metaflow.metadata_provider import MetadataProvider

    original = MetadataProvider._get_system_tags

    def tags(provider: Any) -> Any:
        return [*original(provider), f"scheduled_time:{due}"]

    MetadataProvider._get_system_tags = tags
