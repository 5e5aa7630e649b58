"""Whether the interpreter's metaflow is one that mftctl works with. Looks at its files: an old one may not import."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from typing import Optional

#: The oldest and the newest Metaflow that pass the tests (docs/reference/metaflow.md). Newer ones are let through.
OLDEST, NEWEST = "2.19.10", "2.19.39"
HINT = f"pip install --upgrade 'metaflow>={OLDEST}' for it, or name another interpreter with --python"


def problem() -> Optional[str]:
    """Why flows cannot be run with this interpreter's metaflow; None when they can, or when it has none."""
    found = version()
    if found is None or _numbers(found) >= _numbers(OLDEST):
        return None
    return f"{sys.executable} has metaflow {found}, and mftctl works with {OLDEST} and newer"


def remark() -> Optional[str]:
    """What is to be said of a metaflow that works as far as one can tell; None when it is among the tested ones."""
    found = version()
    if found is None or _numbers(found) <= _numbers(NEWEST):
        return None
    return f"newer than {NEWEST}, the newest that mftctl is tested with"


def version() -> Optional[str]:
    """The version of the metaflow that an import would find; None when there is none, or it does not say."""
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
