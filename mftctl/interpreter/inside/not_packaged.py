"""Explains failures of tasks that miss a file or a module because their code package lacks it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ...model.package_contents import suffix_of
from .environment import IN_PLACE, package_root

_NO_FILE = ("FileNotFoundError", "No such file or directory", "No files found", "does not exist")
_PATH = re.compile(r"""['"`]([^'"`]+)['"`]|(?:^|[\s:=(])([^\s'"`:()]+)(?=[\s)]|$)""")
_NO_MODULE = re.compile(r"No module named '([^'.]+)")


def reason(message: str, left_out: Sequence[str]) -> str:
    """One sentence to follow the ``message`` of a failure; empty when the package is not to blame.

    ``left_out`` is the manifest's: suffixes of files beside the flow, and modules outside of its folder, that are not
    in the package.
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
        suffix = suffix_of(path)
        if suffix in left_out and _is_here(path):
            return (
                f"its code package has no {suffix} files, and some were beside the flow when it was deployed: "
                f"deploy with --package-suffixes {suffix}"
            )
    return ""


def outside(modules: Sequence[str]) -> str:
    """What to do about modules that a code package does not include."""
    several = len(modules) > 1
    return (
        f"{', '.join(modules)} {'are' if several else 'is'} outside of the flow's folder and not in its code package: "
        f'put METAFLOW_PACKAGE_POLICY = "include" into {"their" if several else "its"} __init__.py, or move it beside '
        "the flow"
    )


def _is_here(path: str) -> bool:
    """Whether a path is in the package: relative, or below one of its folders as a task sees them."""
    if not os.path.isabs(path):
        return True
    places = {package_root(), os.getcwd()} - {""}
    return any(
        path.startswith(os.path.join(place, "")) for one in places for place in (one, os.path.realpath(one))
    )
