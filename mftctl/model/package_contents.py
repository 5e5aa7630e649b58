"""What is in a flow's code package, and what the flow uses that is not in it."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Contents:
    """What a code package holds, as paths in it.

    ``files``: the flow's own; ``others``: the number of Metaflow's; ``size``: bytes of all. ``missing``: files beside
    the flow that its source names and the package lacks. ``modules``: modules that were imported from outside of the
    flow's folder. ``left_out``: suffixes of the files beside the flow that the package lacks (``suffix_of``).
    """

    files: tuple[str, ...] = ()
    others: int = 0
    size: int = 0
    missing: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def suffix_of(path: str) -> str:
    """The suffix that `--package-suffixes` needs for a file to be packaged (``metaflow/packaging_sys/utils.py``).

    For a hidden file, and for one without a suffix, it is the file's name.
    """
    name = os.path.basename(path).lower()
    return name if name.startswith(".") else os.path.splitext(name)[1] or name
