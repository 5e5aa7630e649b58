"""What every end-to-end test stands on: the one file that users run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def zipapp() -> Path:
    """`dist/mftctl`, built from the checkout as it is (2 s; only the first build of a lock takes longer)."""
    subprocess.run(
        [sys.executable, ROOT / "packaging" / "build_zipapp.py"], check=True, stdout=subprocess.DEVNULL
    )
    return ROOT / "dist" / "mftctl"
