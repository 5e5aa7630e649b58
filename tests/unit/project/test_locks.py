"""The locked requirements: complete, pinned by hash, and free of any one registry."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ]+)", re.MULTILINE)


@pytest.mark.parametrize("name", ["build.txt", "dev.txt", "runtime.txt"])
def test_a_lock_pins_by_hash_and_names_no_host(name: str) -> None:
    """Each requirement is one version with its hashes, and nothing says where it is to come from."""
    text = (ROOT / "requirements" / name).read_text()
    for requirement in re.split(r"\n(?=[^ \n])", text.strip()):
        assert PINNED.match(requirement), requirement
        assert "--hash=sha256:" in requirement, requirement
    assert "//" not in text
    assert "-index" not in text


def test_what_is_tested_is_what_ships() -> None:
    """The development lock has each requirement of the runtime and of an image's build, in the same version."""
    tested = set(PINNED.findall((ROOT / "requirements" / "dev.txt").read_text()))
    for name in ("runtime.txt", "build.txt"):
        assert set(PINNED.findall((ROOT / "requirements" / name).read_text())) <= tested


def test_the_locks_cover_what_the_project_declares() -> None:
    """Each declared dependency is in its lock: `just lock` was run after the last change of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = {
        "runtime.txt": project["project"]["dependencies"],
        "dev.txt": project["dependency-groups"]["dev"],
    }
    for name, requirements in declared.items():
        locked = {found for found, _ in PINNED.findall((ROOT / "requirements" / name).read_text())}
        assert {re.split(r"[<>=!~; \[]", requirement)[0] for requirement in requirements} <= locked
