"""Replay of the recorded histories (tests/histories) with the engine as it is.

As a program, `python replaying.py FILE…`: replays these and prints what differs, for a process with another hash seed.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sys
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from mftctl.engine.notification import Notification
from mftctl.engine.workflow import FlowWorkflow
from mftctl.events.listener import Listener

FOLDER = Path(__file__).resolve().parents[1] / "histories"
ADVICE = (
    "this change breaks runs in flight: guard it with workflow.patched, or give it a new workflow type; "
    "see docs/how-to/upgrades.md"
)


def recorded() -> list[Path]:
    """The files of all releases."""
    return sorted(FOLDER.glob("*/*.json.gz"))


def histories(file: Path) -> list[WorkflowHistory]:
    """The workflows of a recorded scenario."""
    kept = json.loads(gzip.decompress(file.read_bytes()))
    return [WorkflowHistory.from_json(one["workflow_id"], one["history"]) for one in kept]


def differences(found: list[WorkflowHistory]) -> list[str]:
    """What replays otherwise than it was recorded: a line a workflow."""
    return asyncio.run(differences_now(found))


async def differences_now(found: list[WorkflowHistory]) -> list[str]:
    """The same, in an event loop."""
    replayer = Replayer(
        workflows=[FlowWorkflow, Listener, Notification], workflow_runner=UnsandboxedWorkflowRunner()
    )
    told = []
    for history in found:
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        if result.replay_failure is not None:
            told.append(f"{history.workflow_id}: {result.replay_failure}")
    return told


def main() -> None:
    """Replay the files that are named."""
    files = [Path(name) for name in sys.argv[1:]]
    told = [
        f"{file.parent.name}/{file.name}: {one}" for file in files for one in differences(histories(file))
    ]
    print("\n".join(told))
    sys.stdout.flush()
    os._exit(bool(told))  # temporalio can crash the interpreter's shutdown


if __name__ == "__main__":
    main()
