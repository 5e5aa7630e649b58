"""The thin worker file holds a deployment and where it is, and can be read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from mftctl.model.errors import Exit, MftctlError
from mftctl.operations.command_options import Connection
from mftctl.operations.worker_file import read, resolve, write


@pytest.mark.parametrize(
    ("deployment", "connection", "profile", "told"),
    [
        ("Flow", Connection(), None, {}),
        ("project.branch.Flow", Connection(), "prod", {"profile": "prod"}),
        (
            "Flow",
            Connection(address="temporal:7233", temporal_namespace="ml"),
            None,
            {"address": "temporal:7233", "temporal_namespace": "ml"},
        ),
    ],
)
def test_what_is_written_is_read(tmp_path: Path, deployment, connection, profile, told) -> None:
    """Deployment, profile and server come back; the file is short, compiles, and names no place on this machine."""
    file = tmp_path / "w.py"
    write(file, deployment, connection, profile)
    assert read(file) == (deployment, told)
    source = file.read_text()
    compile(source, "w.py", "exec")
    assert len(source.splitlines()) <= 15
    assert str(tmp_path) not in source


def test_a_flag_goes_before_what_the_file_says(tmp_path: Path) -> None:
    """What no flag says is the file's; names that are no file's stand for themselves."""
    file = tmp_path / "w.py"
    write(file, "Flow", Connection(address="here:1", temporal_namespace="ml"), None)
    found, connection = resolve([str(file), "Other"], Connection(address="there:2"))
    assert found == ["Flow", "Other"]
    assert connection == Connection(address="there:2", temporal_namespace="ml")


def test_files_of_several_servers_are_not_served_together(tmp_path: Path) -> None:
    """A usage error, unless a flag says which server is meant."""
    files = []
    for number in (1, 2):
        file = tmp_path / f"w{number}.py"
        write(file, f"Flow{number}", Connection(address=f"here:{number}"), None)
        files.append(str(file))
    with pytest.raises(MftctlError, match="--address here:1 and here:2") as caught:
        resolve(files, Connection())
    assert caught.value.exit == Exit.USAGE
    assert resolve(files, Connection(address="here:1"))[0] == ["Flow1", "Flow2"]


@pytest.mark.parametrize("source", ["", "x = 1", "def broken("])
def test_another_file_is_refused(tmp_path: Path, source: str) -> None:
    """A usage error that says what would write one."""
    file = tmp_path / "other.py"
    file.write_text(source)
    with pytest.raises(MftctlError, match="not a worker file") as caught:
        read(file)
    assert caught.value.exit == Exit.USAGE


def test_a_file_that_cannot_be_written_is_resolve(tmp_path: Path) -> None:
    """The deployment is there all the same, and the error says so."""
    with pytest.raises(MftctlError, match="No such file") as caught:
        write(tmp_path / "no" / "w.py", "Flow", Connection(), None)
    assert "deployed" in caught.value.hint
