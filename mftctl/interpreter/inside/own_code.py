"""Tells the flow's own code from the interpreter's, installed libraries', Metaflow's and mftctl's."""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import Optional

from ... import ROOT

#: Modules below these folders are libraries, also where a virtual environment is in the flow's folder.
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_STANDARD = os.path.dirname(os.path.abspath(os.__file__))


def is_own(file: str) -> bool:
    """Whether code of a ``file`` (``co_filename``) is the flow's: of its file, or of a module that is not installed."""
    if file.startswith("<") or any(part in file for part in _INSTALLED):
        return False
    return not any(file.startswith(os.path.join(place, "")) for place in (_STANDARD, ROOT, *_of_metaflow()))


def is_standard(file: str) -> bool:
    """Whether code of a ``file`` is of Python's standard library."""
    return file.startswith(os.path.join(_STANDARD, "")) and not any(part in file for part in _INSTALLED)


def is_caller() -> bool:
    """Whether the flow's own code has called the caller, directly or through a library, but not by importing one."""
    frame: Optional[FrameType] = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if is_own(name):
            return True
        if name.startswith("<frozen importlib"):
            return False
        frame = frame.f_back
    return False


def is_mftctl(file: str) -> bool:
    """Whether code of a ``file`` is mftctl's."""
    return file.startswith(os.path.join(ROOT, ""))


def place(file: str, line: Optional[int]) -> str:
    """A line in messages: ``train.py:41``."""
    return f"{os.path.basename(file)}:{line}"


def imported() -> dict[str, tuple[int, int]]:
    """Time of change (ns) and size, by path, of what the flow's import has read and may change.

    These are the flow's file, its own modules, and the folders of installed packages.
    """
    found = {}
    modules = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    own = [file for file in modules if isinstance(file, str) and is_own(file)]
    installed = [folder for folder in sys.path if any(part in f"{folder}{os.sep}" for part in _INSTALLED)]
    for path in filter(os.path.isabs, {*own, *installed}):
        try:
            state = os.stat(path)
        except OSError:  # in a zip file, or generated
            continue
        found[path] = (state.st_mtime_ns, state.st_size)
    return found


def _of_metaflow() -> list[str]:
    """Folders of Metaflow and its extensions, which may be in the code package."""
    modules = [sys.modules.get(name) for name in ("metaflow", "metaflow_extensions")]
    return [folder for module in modules for folder in getattr(module, "__path__", ())]
