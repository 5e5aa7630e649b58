"""A run's logs and artifacts are read by another process, which can be left at any time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from mftctl.interpreter.datastore import Datastore
from mftctl.model.manifest import Launch, Package


def test_a_store_that_does_not_answer_is_left_at_once(tmp_path: Path) -> None:
    """Whoever gives up waits neither for the store nor for the process that reads it, which is ended."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/id\nexec sleep 600\n")
    python.chmod(0o755)
    package = Package("0" * 40, "s3://nowhere/package", "s3://nowhere")
    launch = Launch("F", "f.py", package, str(python), "local", "s3", "s3://nowhere", "local", "null", "null")

    process = tmp_path / "id"

    async def read(limit: float) -> None:
        async with asyncio.timeout(limit), Datastore(launch, "temporal-f-1", str(python), str(tmp_path)):
            pass

    for limit in (1.0, 10.0, 30.0):  # on a busy machine it takes a while to start
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            asyncio.run(read(limit))
        assert time.monotonic() - began < limit + 30
        if process.exists() and process.read_text().strip():
            break
    assert not Path("/proc", process.read_text().strip()).exists()
