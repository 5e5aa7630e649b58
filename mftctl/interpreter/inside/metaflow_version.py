"""The version of the interpreter's metaflow, and whether mftctl supports it.

It is read from metaflow's files: an old one may fail to import.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from typing import Optional

#: The oldest and the newest Metaflow that pass the tests (docs/reference/metaflow.md). Newer ones are accepted.
OLDEST, NEWEST = "2.19.10", "2.19.39"
HINT = f"pip install --upgrade 'metaflow>={OLDEST}' for it, or name another interpreter with --python"


def problem() -> Optional[str]:
    """Why this interpreter's metaflow cannot run flows; None when it can, or when there is none."""
    found = version()
    if found is None or _numbers(found) >= _numbers(OLDEST):
        return None
    return f"{sys.executable} has metaflow {found}: mftctl needs {OLDEST} or newer"


def remark() -> Optional[str]:
    """A remark on a metaflow that is newer than the tested ones; None for others."""
    found = version()
    if found is None or _numbers(found) <= _numbers(NEWEST):
        return None
    return f"newer than {NEWEST}, the newest that mftctl is tested with"


def version() -> Optional[str]:
    """The version of the metaflow that an import would find; None when there is none, or its version is unknown."""
    spec = importlib.util.find_spec("metaflow")
    if spec is None or not spec.origin:
        return None
    try:
        with open(os.path.join(os.path.dirname(spec.origin), "version.py"), encoding="utf-8") as file:
            found = re.search(r"[\"'](\d+(?:\.\d+)*)", file.read())
    except OSError:
        return None
    return found.group(1) if found else None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
