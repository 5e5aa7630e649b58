"""The thin worker file holds a deployment and a profile, and can be read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from mftctl.cli.workerfile import read, write
from mftctl.errors import Exit, MftctlError


@pytest.mark.parametrize(("deployment", "profile"), [("Flow", None), ("project.branch.Flow", "prod")])
def test_what_is_written_is_read(tmp_path: Path, deployment: str, profile: str | None) -> None:
    """Deployment and profile come back; the file is short, compiles, and names no place on this machine."""
    file = tmp_path / "w.py"
    write(file, deployment, profile)
    assert read(file) == (deployment, profile)
    source = file.read_text()
    compile(source, "w.py", "exec")
    assert len(source.splitlines()) <= 15
    assert str(tmp_path) not in source


@pytest.mark.parametrize("source", ["", "x = 1", "def broken("])
def test_another_file_is_refused(tmp_path: Path, source: str) -> None:
    """A usage error that says what would write one."""
    file = tmp_path / "other.py"
    file.write_text(source)
    with pytest.raises(MftctlError, match="no worker file") as caught:
        read(file)
    assert caught.value.exit == Exit.USAGE


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The deployment is there all the same, and the error says so."""
    with pytest.raises(MftctlError, match="No such file") as caught:
        write(tmp_path / "no" / "w.py", "Flow", None)
    assert "deployed" in caught.value.hint
