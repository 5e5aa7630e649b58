"""Reads the logs and artifacts of a run, at the request of ``interpreter/datastore.py``."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

from metaflow.datastore.exceptions import DataException

from ...model.codec import from_plain
from ...model.errors import MftctlError
from ...model.manifest import Launch
from . import protocol
from .channel import Channel
from .flow_datastore import flow_datastore
from .log_tail import Logs
from .protocol import Request

#: Tasks whose logs are read at once: a remote datastore is slow for each.
AT_ONCE = 16
#: Characters of a value's text, and of its JSON.
MAX_TEXT, MAX_JSON = 200, 10_000


def main(fd: str) -> None:
    """Serve the command at the other end of ``fd``: a request ``open``, then ``logs`` and ``artifacts``."""
    reader = _Reader()
    handlers = {"open": reader.open, "logs": reader.logs, "artifacts": reader.artifacts}
    protocol.serve(Channel.of_fd(int(fd)), handlers)
    sys.exit(0)


class _Reader:
    """Reads one run's datastore; each method answers the request of its name."""

    def open(self, request: Request) -> None:
        """Open the datastore of a ``launch`` and a ``run_id``; ``folder`` is that of the code package."""
        launch = from_plain(Launch, request.fields["launch"])
        # An artifact's class may be in a module of the flow.
        sys.path.append(request.fields["folder"])
        if launch.datastore == "local" and not os.path.isdir(launch.datastore_root):
            raise MftctlError(f"{launch.datastore_root}: no such folder")
        self._store, self._run_id = flow_datastore(launch), request.fields["run_id"]
        self._logs = Logs(self._store, self._run_id)

    def logs(self, request: Request) -> list[list[list[Any]]]:
        """Of each of ``tasks`` (step, task id, attempt or None, whether it is over) the new lines in ``streams``.

        A line is ``[Unix time, stream, text]``; it is new when no request before had it.
        """
        streams = request.fields["streams"]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda task: self._logs.lines(task, streams), request.fields["tasks"]))

    def artifacts(self, request: Request) -> Optional[list[dict[str, Any]]]:
        """Of each artifact of a ``task`` of a ``step``: ``name, type, size, text, value, problem``.

        Values of up to ``largest`` bytes are loaded. None for a task without results.
        """
        given = request.fields
        try:
            data = self._store.get_task_datastore(self._run_id, given["step"], given["task"])
        except DataException:
            return None
        names = sorted(name for name in data if not name.startswith("_") and name != "name")
        return [_artifact(data, name, given["largest"]) for name in names]


def _artifact(data: Any, name: str, largest: int) -> dict[str, Any]:
    """One artifact; its value where it is not larger than ``largest`` bytes and can be loaded here."""
    info = data._info.get(name, {})
    kind = str(info.get("type", "")).replace("<class '", "").replace("'>", "")
    size = info.get("size")
    artifact: dict[str, Any] = {"name": name, "type": kind, "size": size, "text": None, "value": None}
    if size is not None and size > largest:
        return {**artifact, "problem": "large"}
    try:
        value = data[name]
        text = " ".join(repr(value).split())
    except Exception as error:
        return {**artifact, "problem": f"{type(error).__name__}: {error}"}
    artifact["text"] = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
    if isinstance(value, (bool, int, float, str, list, dict)):
        try:
            plain = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            plain = ""
        if plain and len(plain) <= MAX_JSON:
            artifact["value"] = value
    return {**artifact, "problem": None}
