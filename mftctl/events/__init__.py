"""Publish an event, from a step or from any other program: the part of this package that flows import.

from mftctl.events import publish

publish("data.ready", {"table": "sales"})
"""

from .publishing import PROGRAM, PublishError, publish

__all__ = ["PROGRAM", "PublishError", "publish"]
