"""`packaging/release.py`: what a release consists of, and when there is none. The whole: `e2e/test_release.py`."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script, imported."""
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    import release

    return release


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean checkout that is ready to be released as 1.2.3."""
    (tmp_path / "mftctl").mkdir()
    (tmp_path / "mftctl" / "__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.3]\n\n### Added\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "a release"]):
        identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.com"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True)
    return tmp_path


def test_a_checkout_with_a_section_and_no_changes_is_released(release: Any, checkout: Path) -> None:
    """The version comes from the source, and nothing keeps a clean checkout with a section from being released."""
    assert release.read_version(checkout) == "1.2.3"
    assert release.find_problems(checkout, "1.2.3") == []
    assert release.MANUAL.exists()


def test_what_keeps_a_checkout_from_being_released_is_named(release: Any, checkout: Path) -> None:
    """A version without a section, and a file that is not committed, are one line each that says what to do."""
    (checkout / "new.py").write_text("")
    section, changes = release.find_problems(checkout, "1.2.4")
    assert section == "CHANGELOG.md has no section [1.2.4]: rename [Unreleased], or change __version__"
    assert changes == "the work tree has changes: commit or stash them"


def test_the_list_of_packages_is_that_of_the_lock(release: Any, tmp_path: Path) -> None:
    """The bill of materials has each locked package with its hashes and names no other index than PyPI."""
    release.write_bom(tmp_path / "bom.json", "1.2.3")
    bom = json.loads((tmp_path / "bom.json").read_text())
    lock = (ROOT / "requirements" / "runtime.txt").read_text()
    locked = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock, re.MULTILINE))
    assert {one["name"]: one["version"] for one in bom["components"]} == locked
    hashes = [one["content"] for each in bom["components"] for one in each["externalReferences"][0]["hashes"]]
    assert sorted(hashes) == sorted(re.findall(r"sha256:(\w+)", lock))
    assert bom["metadata"]["component"]["version"] == "1.2.3"
    assert set(re.findall(r'"url": "https://([^/]+)/simple', (tmp_path / "bom.json").read_text())) == {
        "pypi.org"
    }


def test_checksums_are_as_sha256sum_checks_them(release: Any, tmp_path: Path) -> None:
    """`sha256sum --check SHA256SUMS` accepts the files of a release, and refuses one that was changed."""
    (tmp_path / "one").write_text("one")
    (tmp_path / "two").write_text("two")
    release.write_checksums(tmp_path)
    check = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    assert subprocess.run(check, cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "two").write_text("three")
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 1
