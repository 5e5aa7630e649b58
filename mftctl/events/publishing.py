"""Publish an event to deployments, from a step or from any other program.

    from mftctl.events import publish

    publish("data.ready", {"table": "sales"})

It needs only the standard library: it runs `mftctl events publish`, in a step with the Temporal server of the worker,
elsewhere with the server that is configured.
"""

from __future__ import annotations

import collections
import hashlib
import itertools
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from typing import Any, Optional

#: Set by a worker for its tasks: the command that starts its mftctl, as a JSON list of words.
PROGRAM = "MFTCTL_PROGRAM"
_COUNT = itertools.count()


class PublishError(Exception):
    """The event was not published; the message is that of `mftctl events publish`, if it could be started."""


def publish(name: str, payload: Optional[Mapping[str, Any]] = None, *, id: Optional[str] = None) -> str:
    """Publish the event ``name`` with a ``payload`` of JSON values (None values are left out); returns its id.

    An event counts once for each ``id``, however often it is published. The default id in a step is made of the task
    and the number of events published before, so that a retry publishes the same events; elsewhere it is random. In a
    process that the step has forked (``parallel_map``), where others have published as many, it is made of the
    ``payload`` and how often this process has published that: give an ``id`` where several publish the same.
    """
    fields = [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in (payload or {}).items()
        if value is not None
    ]
    chosen = _default_id(name, fields) if id is None else id
    words = [*_program(), "events", "publish", "--id", chosen, "--", name, *fields]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:  # also when the payload is too long for a command line
        raise PublishError(f"{words[0]} cannot be started: {error.strerror}") from error
    if done.returncode:
        raise PublishError(done.stderr.strip() or f"mftctl ended with exit code {done.returncode}")
    # Such as a deployment that could not take it, though others did.
    sys.stderr.write(done.stderr)
    return chosen


def _program() -> list[str]:
    given = os.environ.get(PROGRAM)
    found: list[str] = json.loads(given) if given else [sys.executable, "-m", "mftctl"]
    return found


def _default_id(name: str, fields: list[str]) -> str:
    metaflow = sys.modules.get("metaflow")
    current = getattr(metaflow, "current", None)
    if current is None or not current.is_running_flow:
        return str(uuid.uuid4())
    if not _in_fork:
        return f"{current.pathspec}/{name}/{next(_COUNT)}"
    digest = hashlib.sha256(repr(fields).encode()).hexdigest()[:16]
    # Which of several events a process of a pool publishes first is chance.
    number = _FORK_COUNTS[name, digest] = _FORK_COUNTS[name, digest] + 1
    return f"{current.pathspec}/{name}/{digest}/{number}"


#: Whether a running step has forked this process, and how often it has published what.
_in_fork = False
_FORK_COUNTS: collections.Counter[tuple[str, str]] = collections.Counter()


def _note_fork() -> None:
    global _in_fork  # noqa: PLW0603 - of this process
    _FORK_COUNTS.clear()
    current = getattr(sys.modules.get("metaflow"), "current", None)
    _in_fork = current is not None and bool(current.is_running_flow)


os.register_at_fork(after_in_child=_note_fork)
