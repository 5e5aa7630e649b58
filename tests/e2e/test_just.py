"""`./just`: the one command that a fresh clone needs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_it_lists_the_recipes_from_any_folder(tmp_path: Path) -> None:
    """Without arguments it lists the recipes, from whatever folder it is called, and makes nothing anew."""
    done = subprocess.run([ROOT / "just"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert {"build", "demo", "test", "lint"} <= {line.split()[0] for line in done.stdout.splitlines() if line}
    assert done.stderr == ""


def test_a_machine_without_a_new_enough_python_is_told_so(tmp_path: Path) -> None:
    """Where every Python on PATH is too old, it ends with exit code 1 and one line that says what is needed."""
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copy(ROOT / "just", clone)
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "dirname").symlink_to(shutil.which("dirname") or "")
    too_old = commands / "python3"
    too_old.write_text("#!/bin/sh\nexit 1\n")
    too_old.chmod(0o755)
    environment = os.environ | {"PATH": str(commands)}
    done = subprocess.run(
        ["/bin/sh", clone / "just"], env=environment, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "just: no Python 3.11 or newer with venv and ensurepip on PATH: install one and run this again\n"
    )


def test_an_interrupted_start_is_made_good_by_the_next(tmp_path: Path) -> None:
    """A `.venv` without the stamp that is written last is not taken for a finished one."""
    clone = tmp_path / "clone"
    for name in ("packaging", "requirements"):
        shutil.copytree(ROOT / name, clone / name)
    for name in ("just", "pyproject.toml"):
        shutil.copy(ROOT / name, clone)
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to(shutil.which("python3") or "")
    done = subprocess.run(
        [clone / ".venv" / "bin" / "python", clone / "packaging" / "devenv.py", "--is-current"], check=False
    )
    assert done.returncode == 1
