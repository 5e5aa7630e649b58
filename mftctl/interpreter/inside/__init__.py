"""What runs in the flow's interpreter: Python 3.9, the standard library and metaflow only, no Temporal."""

import os

_FOLDER = os.path.dirname(os.path.abspath(__file__))
#: The script that the interpreter runs.
BOOT = os.path.join(_FOLDER, "boot.py")
#: The folder for PYTHONPATH if the interpreter has no metaflow.
SHIM = os.path.join(_FOLDER, "shim")
