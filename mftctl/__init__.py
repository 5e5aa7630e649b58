"""mftctl: run any Metaflow flow as a durable Temporal workflow."""

import os

__version__ = "0.1.0"
#: The folder of this package.
ROOT = os.path.dirname(os.path.abspath(__file__))
