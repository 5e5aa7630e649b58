"""A module beside the flow, which its code package brings along."""

import importlib.util
import os


def look():
    """What a step sees of where it runs."""
    return {
        "folder": os.path.basename(os.getcwd()),
        "code": os.path.relpath(os.path.dirname(os.path.abspath(__file__)), os.getcwd()),
        "step": os.environ.get("OF_THE_STEP"),
        "box": os.environ.get("OF_THE_BOX"),
        "worker": importlib.util.find_spec("mftctl") is not None,
    }
