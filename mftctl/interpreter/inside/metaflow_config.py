"""Metaflow's own configuration file, found and read as in ``metaflow_config_funcs.init_config``."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from ...model.codec import from_json


def settings() -> dict[str, Any]:
    """The settings of the file by the names of their variables; none if it cannot be read: Metaflow reports that."""
    home = os.environ.get("METAFLOW_HOME", "~/.metaflowconfig")
    profile = os.environ.get("METAFLOW_PROFILE")
    file = os.path.join(os.path.expanduser(home), f"config_{profile}.json" if profile else "config.json")
    with suppress(OSError, ValueError), open(file, encoding="utf-8") as content:
        found = from_json(content.read())
        if isinstance(found, dict):
            return found
    return {}
