"""`./just release`: the files of a release, whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mftctl

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.soak  # its parts: unit/project/test_release.py, e2e/test_zipapp.py
def test_a_release_is_whole_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    """Two builds, in two folders and under two umasks, give the same files; each file is what its name says."""
    clone = tmp_path / "clone"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "tests")
    shutil.copytree(ROOT, clone, ignore=left_out)
    for root, target, umask in ((ROOT, tmp_path / "one", 0o022), (clone, tmp_path / "two", 0o077)):
        command = [sys.executable, root / "packaging" / "release.py", "--draft", "--output", target]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, umask=umask)
    one, two = tmp_path / "one", tmp_path / "two"
    assert {file.name: file.read_bytes() for file in one.iterdir()} == {
        file.name: file.read_bytes() for file in two.iterdir()
    }
    assert len(list(one.iterdir())) == 5
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=one, check=True)
    (program,) = one.glob(f"mftctl-{mftctl.__version__}-{sys.platform}-*")
    done = subprocess.run(
        [sys.executable, program, "--version"],
        check=True,
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path)},
    )
    assert mftctl.__version__ in done.stdout
    assert (one / f"mftctl-{mftctl.__version__}-py3-none-any.whl").exists()
    assert (one / "mftctl.1").exists()


@pytest.mark.soak
def test_the_list_of_packages_is_valid(tmp_path: Path) -> None:
    """The bill of materials is CycloneDX as its schema has it."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    target = tmp_path / "release"
    command = [sys.executable, ROOT / "packaging" / "release.py", "--draft", "--output", target]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (bom,) = target.glob("*.cdx.json")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bom.read_text()) is None
