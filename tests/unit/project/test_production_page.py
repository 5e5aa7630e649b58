"""The profile that docs/how-to/production.md shows is one that mftctl reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mftctl import profiles

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "production.md"


def test_the_profile_of_the_page_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its keys are known, their values are of the right types, and it is the default profile."""
    (written,) = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    file = tmp_path / "config.toml"
    file.write_text(written)
    monkeypatch.setenv("MFTCTL_CONFIG", str(file))
    profile = profiles.load()
    assert profile.name == "prod"
    assert profile.get("production") is True
    assert profile.get("datastore") == "s3"
