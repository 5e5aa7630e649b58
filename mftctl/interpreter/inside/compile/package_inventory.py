"""Finds out what a flow's code package holds, and what the flow uses that the package lacks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from ....model.package_contents import Contents, suffix_of
from .. import own_code
from .named_files import named_files

#: Entries of each list: the manifest holds them.
MAX_NAMED = 32
#: Files of the flow's folder that are searched for what the package leaves out.
MAX_WALK = 20_000
#: Folders that hold no files of the flow.
_SKIPPED = frozenset({"__pycache__", "node_modules"})
_METAFLOWS = (".mf_code/metaflow/", ".mf_code/metaflow_extensions/", ".mf_meta/", ".mf_install")


def contents_of(names: set[str], size: int, file: str) -> Contents:
    """The contents of a code package with files of these ``names``, of the flow in ``file``, which is imported here.

    ``size``: bytes of the package.
    """
    own = sorted(name for name in names if not name.startswith(_METAFLOWS) and name != ".mf_install")
    folder = os.path.dirname(os.path.abspath(file))
    sources = [os.path.abspath(file), *_imported_below(folder)]
    return Contents(
        files=tuple(own),
        others=len(names) - len(own),
        size=size,
        missing=tuple(sorted(name for name in named_files(folder, sources) if name not in names)[:MAX_NAMED]),
        modules=tuple(sorted(_outside(folder, names))[:MAX_NAMED]),
        left_out=tuple(
            sorted({suffix_of(name) for name in _beside(folder) if name not in names})[:MAX_NAMED]
        ),
    )


def _beside(folder: str) -> Iterator[str]:
    """Paths, relative to the flow's folder, of the files in it; of hidden ones only `.env` and the like."""
    count = 0
    for place, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in sorted(folders)
            if not name.startswith(".")
            and name not in _SKIPPED
            and not os.path.exists(os.path.join(place, name, "pyvenv.cfg"))
        ]
        for name in files:
            count += 1
            if not name.startswith(".") or name.startswith(".env"):
                yield os.path.relpath(os.path.join(place, name), folder)
        if count > MAX_WALK:
            return


def _imported_below(folder: str) -> list[str]:
    """Files of the modules that this process has imported from the flow's folder."""
    found = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    below = (os.path.join(folder, ""), os.path.join(os.path.realpath(folder), ""))
    return sorted({file for file in found if file.startswith(below) and own_code.is_own(file)})


def _outside(folder: str, names: set[str]) -> set[str]:
    """Top-level modules that the flow imports from a folder of its own on sys.path, and that the package lacks."""
    linked = _folders_of_pth()
    # Folders on sys.path that belong neither to the interpreter nor to its packages.
    places = [place for place in sys.path if os.path.isdir(place) and place not in linked]
    roots = [
        os.path.normpath(place) + os.sep for place in places if own_code.is_own(os.path.join(place, "x.py"))
    ]
    found = set()
    for name, module in list(sys.modules.items()):
        file: Any = getattr(module, "__file__", None)
        if not file or name == "__main__" or not own_code.is_own(file):
            continue
        file = os.path.normpath(file)
        root = max((one for one in roots if file.startswith(one)), key=len, default=None)
        if root is None or root == os.path.join(os.path.realpath(folder), ""):
            continue
        path = file[len(root) :]
        if path not in names and f".mf_code/{path}" not in names:
            found.add(name.partition(".")[0])
    return found


def _folders_of_pth() -> set[str]:
    """Folders named in `.pth` files: projects that are installed in place."""
    found = set()
    for site in sys.path:
        if not os.path.basename(site).endswith("-packages") or not os.path.isdir(site):
            continue
        for name in os.listdir(site):
            if name.endswith(".pth"):
                with open(os.path.join(site, name), encoding="utf-8", errors="replace") as links:
                    found |= {os.path.join(site, line.strip()) for line in links}
    return found
