"""The process that serves a run of `mftctl run`, kept in the run's memo, so that its run ends when it was killed.

On the embedded server its guardian ends the run at once; elsewhere the next command that reads the run does.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from ...engine.memo import PROCESS
from ...local.guardian import REASON
from ..pollers import find_pollers


def current_process() -> dict[str, Any]:
    """What identifies this process: machine, boot, namespace of process ids, process id and start time."""
    return {**_machine(), "pid": os.getpid(), "began": _start_time(os.getpid())}


async def end_abandoned(client: Client, run: WorkflowExecution, memo: Mapping[str, Any]) -> bool:
    """Terminate an open run whose `mftctl run` was killed; whether it was."""
    if PROCESS not in memo or not is_gone(memo[PROCESS]):
        return False
    if memo[PROCESS].get("boot") != _machine()["boot"]:
        # Copies of a machine may have its id and name: who polls the run's own task queue lives.
        try:
            if (await find_pollers(client, run.task_queue)).pollers:
                return False
        except RPCError:  # who knows
            return False
    with suppress(RPCError):  # no permission to end it
        await client.get_workflow_handle(run.id, run_id=run.run_id).terminate(reason=REASON)
        return True
    return False


def is_gone(process: Mapping[str, Any]) -> bool:
    """Whether the process has certainly ended. Processes of other machines and containers cannot be checked."""
    here = _machine()
    if process.get("machine") != here["machine"] or process.get("host") != here["host"]:
        return False
    if not (here["machine"] or here["boot"]):
        # Such as on macOS: several machines may have the same name.
        return False
    if process.get("boot") != here["boot"]:
        # Containers on different machines may have the same name: only the machine id proves that it is this one.
        return bool(here["machine"] and here["boot"] and process.get("boot"))
    if process.get("namespace") != here["namespace"] or not process.get("began"):
        return False
    try:
        os.kill(int(process["pid"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # another user's process, which may be hidden
        return False
    return bool(_start_time(int(process["pid"])) != process["began"])


def _machine() -> dict[str, str]:
    namespace, machine = "", _text("/etc/machine-id")
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")
    return {
        "host": platform.node(),
        "machine": machine if re.fullmatch("[0-9a-f]{32}", machine) else "",
        "boot": _text("/proc/sys/kernel/random/boot_id"),
        "namespace": namespace,
    }


def _start_time(pid: int) -> str:
    """When the process started, as the system reports it; empty when there is no such process."""
    if os.path.isdir("/proc/self"):
        # Count fields from the end of the command's name, which may contain blanks and brackets.
        fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return fields[19] if len(fields) > 19 and fields[0] not in {"Z", "X"} else ""
    found = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
