"""Reads what a run left in its datastore, logs and artifacts, for a command that looks at it."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

from ...model.codec import from_plain
from ...model.manifest import Launch
from .channel import Channel
from .log_tail import Logs

#: Tasks whose logs are read at once: a remote datastore takes its time for each.
AT_ONCE = 16
#: Characters of a value's text, and of its JSON.
MAX_TEXT, MAX_JSON = 200, 10_000


def main(fd: str) -> None:
    """Serve the command at the other end of ``fd``. First it sends ``{"launch", "run_id", "folder"}``.

    Then ``{"logs": [[step, task id, attempt or null, is over], …], "streams"}``, answered for each with the lines
    ``[Unix time, stream, text]`` that are new since the last request; or ``{"artifacts": [step, task id], "largest"}``,
    answered with a list of ``name``, ``type``, ``size``, ``text``, ``value`` and ``problem``, or null for a task that
    has left none.
    """
    channel = Channel.of_fd(int(fd))
    config = channel.receive()
    if config is None:
        sys.exit(0)
    try:
        launch = from_plain(Launch, config["launch"])
        # Classes that artifacts are of may be in modules of the flow.
        sys.path.append(config["folder"])
        from .attempt.results import flow_datastore

        store = flow_datastore(launch)
        problem = _unreachable(launch)
        read = Logs(store, config["run_id"])
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    channel.send({"problem": problem} if problem else {"ready": True})
    while not problem and (request := channel.receive()) is not None:
        try:
            channel.send({"answer": _answer(store, config["run_id"], request, read)})
        except Exception as error:
            channel.send({"problem": f"{type(error).__name__}: {error}"})
    sys.exit(0)


def _unreachable(launch: Launch) -> Optional[str]:
    if launch.datastore == "local" and not os.path.isdir(launch.datastore_root):
        return f"{launch.datastore_root}: no such folder"
    return None


def _answer(store: Any, run_id: str, request: dict[str, Any], read: Logs) -> Any:
    if "artifacts" in request:
        step, task = request["artifacts"]
        return _artifacts(store, run_id, step, task, request["largest"])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda one: read.lines(one, request["streams"]), request["logs"]))


def _artifacts(store: Any, run_id: str, step: str, task: str, largest: int) -> Optional[list[dict[str, Any]]]:
    from metaflow.datastore.exceptions import DataException

    try:
        data = store.get_task_datastore(run_id, step, task)
    except DataException:
        return None
    return [
        _artifact(data, name, data._info.get(name, {}), largest)
        for name in sorted(data)
        if not name.startswith("_") and name != "name"
    ]


def _artifact(data: Any, name: str, info: dict[str, Any], largest: int) -> dict[str, Any]:
    """One artifact; its value where it is not larger than ``largest`` bytes and can be loaded here."""
    kind = str(info.get("type", "")).replace("<class '", "").replace("'>", "")
    size = info.get("size")
    told: dict[str, Any] = {"name": name, "type": kind, "size": size, "text": None, "value": None}
    if size is not None and size > largest:
        return {**told, "problem": "large"}
    try:
        value = data[name]
        text = " ".join(repr(value).split())
    except Exception as error:
        return {**told, "problem": f"{type(error).__name__}: {error}"}
    told["text"] = text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
    if isinstance(value, (bool, int, float, str, list, dict)):
        try:
            plain = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            plain = ""
        if plain and len(plain) <= MAX_JSON:
            told["value"] = value
    return {**told, "problem": None}
