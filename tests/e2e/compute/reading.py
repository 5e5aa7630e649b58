"""What commands said, and what runs left behind."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Words of a command that must have ended well."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def left_behind(home: Any, python: str, run: str) -> dict[str, Any]:
    """Artifacts and logs of a run, by step (`read.py`)."""
    found: dict[str, Any] = json.loads(
        said(home.command(python, str(Path(__file__).with_name("read.py")), run))
    )
    return found
