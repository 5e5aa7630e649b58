"""What is in a flow's code package, and what its flow uses that is not: told at deploy, and when a task misses it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ....model.manifest import Package
from .. import own_code
from .literals import named_files

#: Entries of a list of what is missing or left out, which a manifest carries.
MAX_NAMED = 32
#: Entries of the flow's folder that are looked at for what was left out.
MAX_WALK = 20_000
#: Folders whose files no flow reads by their names.
_SKIPPED = frozenset({"__pycache__", "node_modules"})
_METAFLOWS = (".mf_code/metaflow/", ".mf_code/metaflow_extensions/", ".mf_meta/", ".mf_install")


@dataclass(frozen=True)
class Contents:
    """What a code package holds, as paths in it.

    ``files``: the flow's own, beside ``others`` of Metaflow, in ``size`` bytes. ``missing``: files beside the flow that
    its source names. ``modules``: modules that were imported from outside of the flow's folder. ``left_out``: suffixes
    of the files beside the flow that the package lacks; for a hidden file, and one without a suffix, its name.
    """

    files: tuple[str, ...] = ()
    others: int = 0
    size: int = 0
    missing: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def contents_of(package: Package, blob: bytes, file: str) -> Contents:
    """What the packed ``blob`` holds of the flow in ``file``, which has been imported in this process."""
    from metaflow.package import MetaflowPackage

    backend = MetaflowPackage.get_backend(package.metadata)
    with backend.cls_open(io.BytesIO(blob)) as archive:
        names = set(backend.cls_list_names(archive) or ())
    own = sorted(name for name in names if not name.startswith(_METAFLOWS) and name != ".mf_install")
    folder = os.path.dirname(os.path.abspath(file))
    sources = [os.path.abspath(file), *_imported_below(folder)]
    return Contents(
        files=tuple(own),
        others=len(names) - len(own),
        size=len(blob),
        missing=tuple(sorted(name for name in named_files(folder, sources) if name not in names)[:MAX_NAMED]),
        modules=tuple(sorted(_outside(folder, names))[:MAX_NAMED]),
        left_out=tuple(
            sorted({suffix_of(name) for name in _beside(folder) if name not in names})[:MAX_NAMED]
        ),
    )


def suffix_of(name: str) -> str:
    """What `--package-suffixes` needs for a file to be packaged (``metaflow/packaging_sys/utils.py``)."""
    base = os.path.basename(name).lower()
    return base if base.startswith(".") else os.path.splitext(base)[1] or base


def _beside(folder: str) -> Iterator[str]:
    """Paths of the files below the flow's folder, hidden ones left out, but for `.env` and its kin."""
    seen = 0
    for place, folders, files in os.walk(folder):
        folders[:] = [
            name
            for name in sorted(folders)
            if not name.startswith(".")
            and name not in _SKIPPED
            and not os.path.exists(os.path.join(place, name, "pyvenv.cfg"))
        ]
        for name in files:
            seen += 1
            if not name.startswith(".") or name.startswith(".env"):
                yield os.path.relpath(os.path.join(place, name), folder)
        if seen > MAX_WALK:
            return


def _imported_below(folder: str) -> list[str]:
    """Files of the flow's own modules that this process has imported from its folder."""
    found = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    below = (os.path.join(folder, ""), os.path.join(os.path.realpath(folder), ""))
    return sorted({file for file in found if file.startswith(below) and own_code.is_own(file)})


def _outside(folder: str, names: set[str]) -> set[str]:
    """Top-level modules that the flow has from a place of sys.path of its own, and that the package does not bring."""
    roots = [os.path.join(place, "") for place in sys.path if place and _is_own_place(place)]
    found = set()
    for name, module in list(sys.modules.items()):
        file: Any = getattr(module, "__file__", None)
        if not file or name == "__main__" or not own_code.is_own(file):
            continue
        file = os.path.normpath(file)
        within = [os.path.normpath(root) + os.sep for root in roots]
        root = max((one for one in within if file.startswith(one)), key=len, default=None)
        if root is None or root == os.path.join(os.path.realpath(folder), ""):
            continue
        path = file[len(root) :]
        if path not in names and f".mf_code/{path}" not in names:
            found.add(name.partition(".")[0])
    return found


def _is_own_place(place: str) -> bool:
    """Whether an entry of sys.path is neither the interpreter's nor one that an installation has put there."""
    return os.path.isdir(place) and own_code.is_own(os.path.join(place, "x.py")) and place not in _linked()


def _linked() -> set[str]:
    """Folders that `.pth` files name: those of projects installed in place."""
    found = set()
    for site in sys.path:
        if not os.path.basename(site).endswith("-packages") or not os.path.isdir(site):
            continue
        for name in os.listdir(site):
            if name.endswith(".pth"):
                with open(os.path.join(site, name), encoding="utf-8", errors="replace") as links:
                    found |= {os.path.join(site, line.strip()) for line in links}
    return found
