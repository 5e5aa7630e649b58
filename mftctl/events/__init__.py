"""Publish events from a step or from any other program: flows import this module.

from mftctl.events import publish

publish("data.ready", {"table": "sales"})
"""

from .publishing import PROGRAM, PublishError, publish

__all__ = ["PROGRAM", "PublishError", "publish"]
