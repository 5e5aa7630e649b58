"""Where mftctl keeps things when the user's home is of no use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mftctl import profiles
from mftctl.control import tokens
from mftctl.model.errors import MftctlError
from mftctl.profiles import folders

PLACES = (
    "MFTCTL_CACHE",
    "MFTCTL_DATA",
    "MFTCTL_CONFIG",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A temporary folder of the test's own, no variable, and what is told."""
    for name in PLACES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(folders, "_reported", False)
    heard: list[str] = []
    monkeypatch.setattr(folders, "_report", heard.append)
    folders._usable.cache_clear()
    yield heard
    folders._usable.cache_clear()


@pytest.mark.parametrize("home", ["/proc/nope", "/dev/null", None])
def test_a_home_that_cannot_be_written_means_a_temporary_folder(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    """Cache and data are in one of this user alone, the same each time, and that is said once."""
    if home is None:  # a user whom the system does not know, as in many containers
        monkeypatch.delenv("HOME")
        monkeypatch.setattr(os, "getuid", lambda: 12345)
        monkeypatch.chdir(tmp_path)
    else:
        monkeypatch.setenv("HOME", home)
    root = tmp_path / f"mftctl-{os.geteuid()}"
    assert (profiles.cache_dir(), profiles.data_dir()) == (root / "cache", root / "data")
    assert profiles.cache_dir() == root / "cache"
    assert root.stat().st_mode & 0o777 == 0o700
    assert len(told) == 1
    assert "cannot be written" in told[0] or home is None
    assert str(root) in told[0]
    assert os.listdir(tmp_path) == [root.name]
    assert profiles.config_file().is_absolute()
    assert tokens.load("nothing") is None
    tokens.store("nothing", "token")


def test_a_home_that_can_be_written_is_used(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is said."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path in profiles.cache_dir().parents
    assert tmp_path in profiles.data_dir().parents
    assert told == []


def test_a_folder_that_is_named_is_not_replaced(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names a folder means this one: whether it can be written its user will see."""
    monkeypatch.setenv("MFTCTL_CACHE", "/proc/nope")
    assert profiles.cache_dir() == Path("/proc/nope")
    assert told == []


def test_what_others_can_write_is_not_taken(
    told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code is run from there."""
    monkeypatch.setenv("HOME", "/proc/nope")
    place = tmp_path / f"mftctl-{os.geteuid()}"
    place.mkdir()
    place.chmod(0o777)
    with pytest.raises(MftctlError, match="can be written: ") as caught:
        profiles.cache_dir()
    assert "MFTCTL_CACHE" in caught.value.hint
    assert told == []


def test_a_relative_folder_is_below_the_working_folder(tmp_path, monkeypatch):
    """Processes that go to another folder, such as that of the embedded server, take the same one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MFTCTL_DATA", "data")
    monkeypatch.setenv("MFTCTL_CACHE", "cache")
    assert (folders.data_dir(), folders.cache_dir()) == (tmp_path / "data", tmp_path / "cache")
