"""A module is found by its name, and read at one sitting."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODULES = [*(ROOT / "mftctl").rglob("*.py"), *(ROOT / "metaflow_extensions").rglob("*.py")]
#: Lines of a module, at most.
MOST = 300


def test_no_two_modules_have_the_same_name() -> None:
    """Whatever their folders are; a singular and its plural count as the same."""
    names = Counter(one.stem.removesuffix("s") for one in MODULES if not one.stem.startswith("__"))
    assert [name for name, count in names.items() if count > 1] == []


def test_no_module_is_long() -> None:
    """One that grows further has a second reason to change, and is divided."""
    lengths = {one.relative_to(ROOT): len(one.read_text("utf-8").splitlines()) for one in MODULES}
    assert {one: length for one, length in lengths.items() if length > MOST} == {}
