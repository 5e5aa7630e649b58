"""Asks the flow's interpreter what it is and what it reaches. Runs in the process that wants to know."""

from __future__ import annotations

import json
import socket
import tempfile
from typing import Any

from ..model.errors import MftctlError
from . import process as interpreter

#: Seconds for each answer: a cloud's datastore may be slow, and one that is not there is asked more than once.
TIMEOUT = 30.0
_PARTS = ("interpreter", "metadata", "datastore")
#: Metaflow would ask again for minutes.
_ONCE = {
    "METAFLOW_SERVICE_RETRY_COUNT": "1",
    "METAFLOW_S3_RETRY_COUNT": "0",
    "METAFLOW_S3_TRANSIENT_RETRY_COUNT": "0",
    "METAFLOW_S3_CLIENT_RETRY_CONFIG": '{"max_attempts": 1, "mode": "standard"}',
}


def examine(
    python: str, metadata: str | None, datastore: str | None, datastore_root: str | None
) -> dict[str, dict[str, Any]]:
    """What was found of ``interpreter``, ``metadata`` and ``datastore``; each has ``error`` when it is of no use.

    ``interpreter``: ``version``, ``executable``, ``metaflow``, ``own_metaflow`` (or mftctl's) and ``remark``
    (on its version); the others have ``type`` and ``where``. What could not be tried, because something before it
    failed, is left out. Where ``metadata`` or ``datastore`` is None, Metaflow's own settings decide.
    """
    request = {"metadata": metadata, "datastore": datastore, "datastore_root": datastore_root}
    ours, theirs = socket.socketpair()
    with ours, theirs, tempfile.TemporaryFile() as output:
        try:
            process = interpreter.start(python, "examine", theirs, _ONCE, output=output.fileno())
        except MftctlError as error:
            return {"interpreter": {"executable": python, "error": error.message}}
        theirs.close()
        found = _listen(ours, request)
        if len(found) < len(_PARTS):
            process.kill()
        code = process.wait()
        output.seek(0)
        said = output.read().decode(errors="replace").strip().splitlines()
    missing = [part for part in _PARTS if part not in found]
    if missing and not any("error" in one for one in found.values()):
        ended = f"it ended with code {code}" + (f": {said[-1]}" if said else "")
        reason = ended if code not in {-9, 0} else f"no answer in {TIMEOUT:g} s"
        found[missing[0]] = {"error": reason}
    return found


def _listen(channel: socket.socket, request: object) -> dict[str, dict[str, Any]]:
    channel.settimeout(TIMEOUT)
    found: dict[str, dict[str, Any]] = {}
    try:
        channel.sendall(json.dumps(request).encode() + b"\n")
        with channel.makefile("rb") as answers:
            for line in answers:
                found.update(json.loads(line))
    except OSError:  # silent, or gone: what came before it counts
        return found
    return found
