"""`./just release`: the files of a release, whole, and their installation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import console
import pytest

import mftctl

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "docs" / "how-to" / "install.md"
SCRIPTS = str(Path(sys.executable).parent)

pytestmark = [
    pytest.mark.soak,
    pytest.mark.xdist_group("release"),
]  # its parts: unit/project, e2e/test_zipapp.py


def build(root: Path, target: Path, umask: int) -> Path:
    command = [sys.executable, root / "packaging" / "release.py", "--draft", "--output", target]
    environment = {**os.environ, "PATH": os.pathsep.join((SCRIPTS, os.environ["PATH"]))}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, umask=umask)
    return target


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the files of a release."""
    return build(ROOT, tmp_path_factory.mktemp("release") / "files", 0o022)


def test_two_builds_are_the_same_bytes(release: Path, tmp_path: Path) -> None:
    """A build in another folder and under another umask gives the same five files."""
    clone = tmp_path / "clone"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "tests")
    shutil.copytree(ROOT, clone, ignore=left_out)
    again = build(clone, tmp_path / "again", 0o077)
    files = {file.name: file.read_bytes() for file in release.iterdir()}
    assert files == {file.name: file.read_bytes() for file in again.iterdir()}
    assert len(files) == 5
    assert f"mftctl-{mftctl.__version__}-py3-none-any.whl" in files


def test_the_list_of_packages_is_valid(release: Path) -> None:
    """The bill of materials is CycloneDX as its schema has it."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    (bom,) = release.glob("*.cdx.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bom.read_text()) is None


def test_a_reader_of_the_install_page_sees_what_it_shows(release: Path, tmp_path: Path) -> None:
    """Each command of docs/how-to/install.md succeeds, from the checksum to the removal, and nothing is left."""
    home = tmp_path / "home"
    home.mkdir()
    folders = (home / ".local" / "bin", SCRIPTS, os.defpath)  # of a shell that has read ~/.profile
    variables = {
        name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))
    }
    environment = {**variables, "HOME": str(home), "PATH": os.pathsep.join(map(str, folders))}
    for command in console.read(INSTALL):
        assert isinstance(command, console.Command)
        done = subprocess.run(
            ["bash", "-c", command.words],
            cwd=release,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command.where}: {done.stderr}"
        assert command.missing(done.stdout + done.stderr) == [], (
            f"{command.where}: {done.stdout}{done.stderr}"
        )
    assert [file for file in home.rglob("*") if "mftctl" in file.name] == []
