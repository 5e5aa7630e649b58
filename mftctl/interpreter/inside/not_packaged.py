"""Why a deployment's task misses a file or a module that was there at deploy: its code package lacks it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from .environment import IN_PLACE, package_root

_NO_FILE = ("FileNotFoundError", "No such file or directory", "No files found", "does not exist")
_PATH = re.compile(r"""['"`]([^'"`]+)['"`]|(?:^|[\s:=(])([^\s'"`:()]+)(?=[\s)]|$)""")
_NO_MODULE = re.compile(r"No module named '([^'.]+)")


def reason(message: str, left_out: Sequence[str]) -> str:
    """What is to be said behind the ``message`` of a failure, in one sentence; empty when the package is not to blame.

    ``left_out`` is the manifest's: suffixes of the files that were beside the flow, and modules outside of its folder.
    """
    if os.environ.get(IN_PLACE) or not left_out:
        return ""
    module = _NO_MODULE.search(message)
    if module is not None:
        name = module.group(1)
        return outside((name,)) if name in left_out else ""
    if not any(text in message for text in _NO_FILE):
        return ""
    for quoted, bare in _PATH.findall(message):
        path = quoted or bare
        suffix = _left_out(path, left_out)
        if suffix and _is_here(path):
            return (
                f"its code package holds no such {suffix} file, though some were beside the flow when it was "
                f"deployed: deploy with --package-suffixes {suffix}"
            )
    return ""


def outside(modules: Sequence[str]) -> str:
    """What to do about modules that no code package brings."""
    several = len(modules) > 1
    return (
        f"{', '.join(modules)} {'are' if several else 'is'} outside of the flow's folder and not in its code package: "
        f'put METAFLOW_PACKAGE_POLICY = "include" into {"their" if several else "its"} __init__.py, or move it beside '
        "the flow"
    )


def _left_out(path: str, left_out: Sequence[str]) -> str:
    name = os.path.basename(path).lower()
    kind = name if name.startswith(".") else os.path.splitext(name)[1] or name
    return kind if kind in left_out else ""


def _is_here(path: str) -> bool:
    """Whether a path is one of the package's: relative, or below the folders that a task sees it in."""
    if not os.path.isabs(path):
        return True
    places = {package_root(), os.getcwd()} - {""}
    return any(
        path.startswith(os.path.join(place, "")) for one in places for place in (one, os.path.realpath(one))
    )
