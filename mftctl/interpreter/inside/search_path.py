"""The search path of the flow's interpreter: its own packages, then mftctl's, then those of the flow's code package."""

from __future__ import annotations

import importlib.machinery
import os
import sys
import types
from typing import Optional

from ...model.codec import from_json
from . import SHIM
from .environment import IN_PLACE, package_root

_BORROWED: list[str] = []
_CODE_FOLDER, _META_FOLDER = ".mf_code", ".mf_meta"
_GIT_KEYS = ("repo_url", "branch_name", "commit_sha", "has_uncommitted_changes")


def borrow(folder: Optional[str]) -> None:
    """Put the folder of mftctl and its packages behind all others; None when it is on the path already."""
    if folder is not None:
        _hide_second_extension()
        sys.path.append(folder)
        _BORROWED.append(folder)


def return_borrowed() -> None:
    """Take mftctl's folder from sys.path again, once metaflow is loaded and before the flow's code is.

    A flow sees the packages of its interpreter only, and so do the processes that it starts: `multiprocessing` gives
    them its sys.path, on which Metaflow would find mftctl's extension twice. mftctl's own modules are found without it.
    It stays where the interpreter has no metaflow: mftctl's needs the other packages of the folder.
    """
    if not _BORROWED or _lacks_metaflow():
        return
    import metaflow  # noqa: F401

    extensions = sys.modules.get("metaflow_extensions")
    if extensions is not None:
        _pin(extensions, list(extensions.__path__))
    sys.path[:] = [folder for folder in sys.path if folder not in _BORROWED]


def is_borrowed(module: types.ModuleType) -> bool:
    """Whether a module comes from mftctl's folder, and is not the interpreter's own."""
    return any(str(module.__file__).startswith(os.path.join(folder, "")) for folder in _BORROWED)


def add_package() -> None:
    """Let this process find the modules of its flow's code package, and the git state that it was made from.

    Call it before metaflow is imported. The interpreter's metaflow is used, unless the package has extensions of
    Metaflow that the interpreter lacks: then the package's is, with all its extensions, as on Argo. A flow in place
    needs no module of its package: it has them where the compiler found them.
    """
    in_place = bool(os.environ.get(IN_PLACE))
    root = "" if in_place else package_root()
    code = os.path.join(root, _CODE_FOLDER) if root else ""
    if root and _lacks_extensions(os.path.join(code, "metaflow_extensions")):
        sys.path.insert(0, code)
        _prepend_pythonpath(code)
        return
    if _lacks_metaflow():
        # mftctl's is used. Pythons that a task starts (@card, @parallel) must find it too, behind their own packages.
        _prepend_pythonpath(SHIM)
    if in_place or root:
        _set_git_info(os.path.join(package_root(), _META_FOLDER, "INFO"))
    if root:
        # Behind the interpreter's own packages, so that the package's copy of Metaflow is not found.
        sys.path.insert(len(sys.path) - len(_BORROWED), code)


def _hide_second_extension() -> None:
    """Where the interpreter has mftctl's extension of Metaflow, hide mftctl's: Metaflow accepts it once only."""
    folders = [os.path.join(folder, "metaflow_extensions") for folder in sys.path]
    own = [folder for folder in folders if os.path.isdir(folder)]
    if any(os.path.isdir(os.path.join(folder, "temporal")) for folder in own):
        module = types.ModuleType("metaflow_extensions")
        module.__spec__ = importlib.machinery.ModuleSpec(module.__name__, None, is_package=True)
        _pin(module, own)
        sys.modules[module.__name__] = module


def _pin(module: types.ModuleType, folders: list[str]) -> None:
    """Give a namespace package its folders as a list, which does not change with sys.path."""
    module.__path__ = folders
    if module.__spec__ is not None:
        module.__spec__.submodule_search_locations = folders


def _lacks_extensions(packaged: str) -> bool:
    if not os.path.isdir(packaged):
        return False
    names = [
        entry.name for entry in os.scandir(packaged) if entry.is_dir() and not entry.name.startswith("_")
    ]
    folders = [os.path.join(folder, "metaflow_extensions") for folder in sys.path]
    return not all(any(os.path.isdir(os.path.join(folder, name)) for folder in folders) for name in names)


def _lacks_metaflow() -> bool:
    packaged = os.path.join(package_root(), _CODE_FOLDER)
    own = [folder for folder in sys.path if folder not in (*_BORROWED, packaged)]
    return bool(_BORROWED) and importlib.machinery.PathFinder.find_spec("metaflow", own) is None


def _prepend_pythonpath(folder: str) -> None:
    paths = [folder, *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)


def _set_git_info(info_file: str) -> None:
    """Let tasks record the git state that their package was made from: an unpacked package is no repository."""
    try:
        with open(info_file, encoding="utf-8") as file:
            info = from_json(file.read())
        from metaflow import metaflow_git
    except (OSError, ValueError, ImportError):  # an older metaflow records no git state
        return
    metaflow_git._git_info_cache = {key: info[key] for key in _GIT_KEYS if key in info}
