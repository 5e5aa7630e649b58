"""Tell deployments of an event, from a step or from any other program.

    from mftctl.events import publish

    publish("data.ready", {"table": "sales"})

It needs nothing but the standard library: the command `mftctl events publish` does the work, on the Temporal server of
the worker that runs the step, else on the one that is configured where the program runs.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from typing import Any, Optional

#: Set by a worker for its tasks: the words with which its own mftctl is started, in JSON.
PROGRAM = "MFTCTL_PROGRAM"
_COUNT = itertools.count()


class PublishError(Exception):
    """The event could not be told; the message is that of `mftctl events publish`, where it could be started."""


def publish(name: str, payload: Optional[Mapping[str, Any]] = None, *, id: Optional[str] = None) -> str:
    """Tell of the event ``name`` with JSON values ``payload``, of which None is no value; its id.

    Under the same ``id`` it counts once, however often it is told. The default in a step is made of the task and of how
    many were published before, so that a retry of the step tells of the same events; elsewhere it is a new one.
    """
    chosen = id or _default_id(name)
    fields = [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in (payload or {}).items()
        if value is not None
    ]
    words = [*_program(), "events", "publish", "--id", chosen, "--", name, *fields]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:  # also for a payload that no command line can hold
        raise PublishError(f"{words[0]} cannot be started: {error.strerror}") from error
    if done.returncode:
        raise PublishError(done.stderr.strip() or f"mftctl ended with exit code {done.returncode}")
    return chosen


def _program() -> list[str]:
    given = os.environ.get(PROGRAM)
    found: list[str] = json.loads(given) if given else [sys.executable, "-m", "mftctl"]
    return found


def _default_id(name: str) -> str:
    metaflow = sys.modules.get("metaflow")
    current = getattr(metaflow, "current", None)
    if current is None or not current.is_running_flow:
        return str(uuid.uuid4())
    return f"{current.pathspec}/{name}/{next(_COUNT)}"
