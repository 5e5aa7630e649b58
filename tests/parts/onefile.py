"""How the one file is started in tests: with a cache folder of its own, as other users, with other Pythons."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

NOBODY = 65534
NO_SUCH_USER = 54321

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def runner(program: Path, cache_folder: Path) -> Run:
    """Runs ``program`` with a cache folder; keyword arguments are further environment variables."""

    def run(
        *arguments: str, file: Path = program, cwd: Path | None = None, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, file, *arguments],
            cwd=cwd,
            env=environment(cache_folder) | variables,
            check=check,
            capture_output=True,
            text=True,
        )

    return run


def environment(cache_folder: Path) -> dict[str, str]:
    """This process's variables, but for those that decide how the file starts; and the cache folder."""
    dropped = re.compile(r"SHIV_|MFTCTL_|PYTHON|XDG_|COV_")
    return {name: value for name, value in os.environ.items() if not dropped.match(name)} | {
        "XDG_CACHE_HOME": str(cache_folder)
    }


def bundles(cache_folder: Path) -> Path:
    """Where bundles are unpacked to, below a cache folder."""
    return cache_folder / "mftctl" / "bundles"


@cache
def pythons() -> tuple[tuple[tuple[int, int], str], ...]:
    """Each minor version of Python that this machine has, once: on PATH, or installed by pyenv."""
    minor = re.compile(r"python(\d)\.(\d+)")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    # Not pyenv's shims, which stand on PATH for versions that are not switched on, and take their time.
    folders = [folder for folder in folders if folder != pyenv / "shims"]
    folders += sorted((pyenv / "versions").glob("*/bin"))
    found: dict[tuple[int, int], str] = {}
    for path in (path for folder in folders for path in folder.glob("python?.*")):
        matched = minor.fullmatch(path.name)
        if matched and subprocess.run([path, "-c", ""], check=False, capture_output=True).returncode == 0:
            found.setdefault((int(matched[1]), int(matched[2])), str(path))
    return tuple(sorted(found.items()))


def as_user(uid: int) -> list[str]:
    """The start of a command that runs a Python as another user where we are root, for whom nothing is read-only."""
    if os.geteuid() != 0:
        return [sys.executable]
    drop = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    candidates = [python for version, python in pythons() if version >= (3, 11)] + ["/usr/bin/python3"]
    check = "import sys; assert sys.version_info >= (3, 11)"
    for python in candidates:
        done = subprocess.run([*drop, python, "-c", check], cwd="/", check=False, capture_output=True)
        if done.returncode == 0:
            return [*drop, python]
    pytest.skip("every Python from 3.11 on is in a folder that only root may enter")
