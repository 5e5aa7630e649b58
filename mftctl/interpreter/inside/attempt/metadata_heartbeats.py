"""Heartbeats to a metadata service: of runs, one at a time, and of forked tasks, by a fork.

Metaflow's local runtime starts a process for each task, and one for the run, that send them every few seconds
(``metaflow/metadata_provider/heartbeat.py``).
"""

from __future__ import annotations

import os
import sys
import traceback
from types import SimpleNamespace
from typing import Any

import requests
from metaflow.metaflow_config import SERVICE_HEADERS, SERVICE_URL
from metaflow.plugins import METADATA_PROVIDERS, SIDECARS
from metaflow.plugins.metadata_providers.service import ServiceMetadataProvider
from metaflow.sidecar import Message, MessageTypes
from metaflow.sidecar.sidecar_subprocess import SidecarSubProcess

from ....model.codec import from_json
from ....model.errors import MftctlError

#: Name of the helper process that sends a task's heartbeats.
_SIDECAR = "heartbeat"
#: Seconds that the service has to answer a run's heartbeat.
_TIMEOUT = 5.0


def send_of_run(provider: str, flow: str, run_id: str) -> dict[str, Any]:
    """Send a run's heartbeat to the metadata service: ``{"every"}``, the seconds until it expects the next one.

    None where the metadata ``provider`` takes no heartbeats. MftctlError when the service did not take this one.
    """
    services = [one.TYPE for one in METADATA_PROVIDERS if issubclass(one, ServiceMetadataProvider)]
    if provider not in services:
        return {"every": None}
    url = f"{str(SERVICE_URL).rstrip('/')}/flows/{flow}/runs/{run_id}/heartbeat"
    try:
        response = requests.post(url, data="{}", headers=dict(SERVICE_HEADERS), timeout=_TIMEOUT)
        response.raise_for_status()
        # The service answers with JSON within JSON.
        answer = response.json()
        values = from_json(answer) if isinstance(answer, str) else answer
        every = values.get("wait_time_in_seconds")
        return {"every": None if every is None else float(every)}
    except (requests.RequestException, ValueError, TypeError, AttributeError) as error:
        raise MftctlError(f"{type(error).__name__}: {error}") from error


def fork_of_task() -> None:
    """In a forked task: make its heartbeat process a fork of it, not a new Python that imports metaflow again."""
    original = SidecarSubProcess._start_subprocess

    def start(sidecar: Any, command: list[str]) -> Any:
        return _fork() if sidecar._worker_type == _SIDECAR else original(sidecar, command)

    SidecarSubProcess._start_subprocess = start


def _fork() -> SimpleNamespace:
    """Fork the helper; what Metaflow uses of its ``Popen``. It ends on Metaflow's message, or when its task ends."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(read)
        return SimpleNamespace(stdin=os.fdopen(write, "wb", buffering=0), pid=pid)
    try:
        os.close(write)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        _beat(read)
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(0)


def _beat(read: int) -> None:
    """What ``sidecar_worker.py`` does: pass the task's messages on to Metaflow's own heartbeat."""
    sidecar = SIDECARS[_SIDECAR].get_worker()()
    with os.fdopen(read, encoding="utf-8") as messages:
        while line := messages.readline().strip():
            message = Message.deserialize(line)
            if message.msg_type == MessageTypes.INVALID:
                continue
            sidecar.process_message(message)
            if message.msg_type == MessageTypes.SHUTDOWN:
                return
