"""Record histories of runs of every shape, made by the engine as it is: tests/histories/RELEASE/SCENARIO.json.gz.

`./just record-histories RELEASE` (default: the commit). Each build replays all that are kept (docs/how-to/upgrades.md).
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER.parent / "parts")]

from scenarios import SCENARIOS  # noqa: E402 - from where the line above says
from standin import Engine, server  # noqa: E402

from mftctl.operations.open_client import quiet_sdk  # noqa: E402


async def _record(folder: Path, names: list[str]) -> None:
    for name in names:
        began = time.monotonic()
        async with server() as client:
            engine = Engine(client)
            async with engine.worker():
                await SCENARIOS[name](engine)
                kept = []
                async for one in client.list_workflows():
                    handle = client.get_workflow_handle(one.id, run_id=one.run_id)
                    history = await handle.fetch_history()
                    kept.append({"workflow_id": one.id, "history": history.to_json_dict()})
        events = [event for one in kept for event in one["history"]["events"]]
        kept.sort(key=lambda one: (one["workflow_id"], one["history"]["events"][0]["eventTime"]))
        data = gzip.compress(json.dumps(kept, separators=(",", ":")).encode(), 9, mtime=0)
        (folder / f"{name}.json.gz").write_bytes(data)
        took = time.monotonic() - began
        print(
            f"{name}: {len(kept)} workflows, {len(events)} events, {len(data)} bytes, {took:.1f} s",
            flush=True,
        )


def main() -> None:
    """Record all scenarios, or those that are named after the release."""
    quiet_sdk()
    release, *names = sys.argv[1:] or [_commit()]
    (FOLDER / release).mkdir(exist_ok=True)
    asyncio.run(_record(FOLDER / release, names or list(SCENARIOS)))
    sys.stdout.flush()
    os._exit(0)  # temporalio can crash the interpreter's shutdown


def _commit() -> str:
    command = ["git", "rev-parse", "--short=7", "HEAD"]
    return subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
