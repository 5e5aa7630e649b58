"""A module is found by its name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_no_two_modules_have_the_same_name() -> None:
    """Whatever their folders are; a singular and its plural count as the same."""
    modules = [*(ROOT / "mftctl").rglob("*.py"), *(ROOT / "metaflow_extensions").rglob("*.py")]
    names = Counter(one.stem.removesuffix("s") for one in modules if not one.stem.startswith("__"))
    assert [name for name, count in names.items() if count > 1] == []
