"""Lets Pythons that a task starts (@card, @parallel) find metaflow behind their own packages.

Python imports this module at its start when the folder is on PYTHONPATH, where `search_path.py` puts it if the flow's
interpreter has no metaflow of its own.
"""

import importlib
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_SITE = os.path.abspath(os.path.join(_HERE, "..", "..", "..", ".."))


def _extend() -> None:
    package = os.environ.get("METAFLOW_EXTRACTED_ROOT")
    folders = [*([os.path.join(package, ".mf_code")] if package else []), _SITE]
    sys.path += [folder for folder in folders if folder not in sys.path]
    # Import the user's own sitecustomize, which this one hides.
    if _HERE in sys.path:
        sys.path.remove(_HERE)
    ours = sys.modules.pop("sitecustomize")
    try:
        importlib.import_module("sitecustomize")
    except ModuleNotFoundError:
        sys.modules["sitecustomize"] = ours


_extend()
