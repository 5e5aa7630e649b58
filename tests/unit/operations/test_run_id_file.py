"""The file of --run-id-file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mftctl.model.errors import Exit, MftctlError
from mftctl.operations.run_id_file import check_writable, write_run_id


@pytest.mark.parametrize("name", ["nofolder/id", ".", "/proc/id", "file/id"])
def test_what_cannot_be_written_is_refused_before_anything_starts(tmp_path: Path, name: str) -> None:
    """A missing folder, a folder, a file system that takes none: exit code 2, and nothing is left there."""
    (tmp_path / "file").write_text("")
    with pytest.raises(MftctlError) as caught:
        check_writable(tmp_path / name)
    assert caught.value.exit == Exit.USAGE
    assert "--run-id-file" in caught.value.message
    assert os.listdir(tmp_path) == ["file"]


def test_the_check_changes_nothing(tmp_path: Path) -> None:
    """What is there stays until the id is written, and a new file is not made."""
    check_writable(tmp_path / "new")
    assert os.listdir(tmp_path) == []
    (tmp_path / "old").write_text("before")
    check_writable(tmp_path / "old")
    assert (tmp_path / "old").read_text() == "before"


def test_the_id_is_written_whole(tmp_path: Path) -> None:
    """The file takes the place of the old one at once, keeps its mode, and a link stays a link."""
    old, link = tmp_path / "old", tmp_path / "link"
    old.write_text("a much longer text than the id has")
    old.chmod(0o640)
    link.symlink_to(old)
    with old.open() as opened:
        write_run_id(link, "temporal-tiny-1")
        read = opened.read()
    assert old.read_text() == "temporal-tiny-1"
    # Whoever has it open sees all of what it was.
    assert read == "a much longer text than the id has"
    assert old.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    write_run_id(tmp_path / "new", "x")
    assert (tmp_path / "new").read_text() == "x"
    assert sorted(os.listdir(tmp_path)) == ["link", "new", "old"]


def test_a_new_file_has_the_mode_of_new_files(tmp_path: Path) -> None:
    """It may be read by whoever may read others."""
    before = os.umask(0o027)
    try:
        write_run_id(tmp_path / "new", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640


def test_a_pipe_is_written_to() -> None:
    """/dev/fd/N and the like are not replaced by a file."""
    reading, writing = os.pipe()
    file = Path(f"/dev/fd/{writing}")
    check_writable(file)
    write_run_id(file, "x")
    os.close(writing)
    assert os.read(reading, 10) == b"x"
    os.close(reading)
