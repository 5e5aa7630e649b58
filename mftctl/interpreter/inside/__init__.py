"""What runs in the flow's own interpreter. Standard library and metaflow only: nothing here knows Temporal."""

import os

_FOLDER = os.path.dirname(os.path.abspath(__file__))
#: The script that the interpreter starts with.
BOOT = os.path.join(_FOLDER, "boot.py")
#: The folder for PYTHONPATH where the interpreter has no metaflow.
SHIM = os.path.join(_FOLDER, "shim")
