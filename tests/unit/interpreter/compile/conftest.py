"""What the tests of the compiler share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to compile in, with no settings of the machine."""
    monkeypatch.setenv("METAFLOW_USER", "tester")
    monkeypatch.setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", str(tmp_path))
    for name in ("METADATA", "DATASTORE"):
        monkeypatch.setenv(f"METAFLOW_DEFAULT_{name}", "local")
    monkeypatch.chdir(tmp_path)
    return tmp_path
