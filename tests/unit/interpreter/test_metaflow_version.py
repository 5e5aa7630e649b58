"""The supported range of Metaflow is said once, and everything that depends on it agrees."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from mftctl.interpreter.inside import metaflow_version

ROOT = Path(__file__).resolve().parents[3]


def test_the_range_is_what_is_required_locked_and_documented() -> None:
    """pyproject.toml asks for the oldest, the locks hold both ends, docs/reference/metaflow.md names them."""
    assert f'"metaflow>={metaflow_version.OLDEST}"' in (ROOT / "pyproject.toml").read_text()
    assert locked("metaflow-oldest.txt") == metaflow_version.OLDEST
    assert locked("runtime.txt") == locked("dev.txt") == metaflow_version.NEWEST
    documented = (ROOT / "docs" / "reference" / "metaflow.md").read_text()
    assert f"Metaflow {metaflow_version.OLDEST} to {metaflow_version.NEWEST}" in documented


def locked(name: str) -> str:
    found = re.search(r"^metaflow==(\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE)
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize(
    ("version", "refused", "remarked"),
    [
        ("2.18.13", True, False),
        ("2.19.9", True, False),
        (metaflow_version.OLDEST, False, False),
        ("2.19.14.post3", False, False),
        (metaflow_version.NEWEST, False, False),
        ("2.19.100", False, True),
        ("3.0", False, True),
        ("unknown", False, False),
    ],
)
def test_numbers_decide(tmp_path, monkeypatch, version, refused, remarked) -> None:
    """Versions are compared by their numbers, not as text, and one that cannot be read is let through."""
    package = tmp_path / "metaflow"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('not to be imported')")
    (package / "version.py").write_text(f'metaflow_version = "{version}"\n')
    monkeypatch.delitem(sys.modules, "metaflow", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert bool(metaflow_version.problem()) is refused
    assert bool(metaflow_version.remark()) is remarked
