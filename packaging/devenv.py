"""Make the checkout's `.venv` from `requirements/dev.txt`, or do nothing where it is up to date.

Run by `./just` before every recipe, with whatever Python the machine has: standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements" / "dev.txt"
# Written last, so that an interrupted run leaves none and the next run starts over.
STAMP = VENV / ".mftctl-stamp"


def main() -> int:
    """Bring `.venv` up to date, one process at a time; `--is-current` only tells (exit code 0 or 1)."""
    wanted = _checksum()
    if sys.argv[1:] == ["--is-current"]:
        return 0 if _is_current(wanted) else 1
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_current(wanted):
            return 0
        try:
            _make()
        except subprocess.CalledProcessError as error:
            print(
                f"just: could not make .venv: {_shown(error.cmd)} failed (exit {error.returncode})",
                file=sys.stderr,
            )
            return 1
        except KeyboardInterrupt:
            return 130
        STAMP.write_text(wanted)
    return 0


def _checksum() -> str:
    """Everything `.venv` is made from."""
    digest = hashlib.sha256(str(ROOT).encode())  # scripts in a virtual environment name its path
    for path in (LOCK, ROOT / "pyproject.toml", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_current(wanted: str) -> bool:
    # The second half: the Python that .venv links to may have been removed since.
    return STAMP.exists() and STAMP.read_text() == wanted and PYTHON.exists()


def _make() -> None:
    if STAMP.exists() and PYTHON.exists():
        STAMP.unlink()
    else:
        shutil.rmtree(VENV, ignore_errors=True)
        print("just: making .venv (once)", file=sys.stderr)
        venv.create(VENV, symlinks=True)
    if not (VENV / "bin" / "uv").exists():
        _install_uv_with_pip()
    uv = [str(VENV / "bin" / "uv"), "pip"]
    # Modules are compiled when they are first imported: of most packages nobody imports most.
    for with_uv, with_pip in (
        (
            [*uv, "sync", "--quiet", "--require-hashes", str(LOCK)],
            ["--require-hashes", "--requirement", str(LOCK)],
        ),
        (
            [*uv, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
            ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
        ),
    ):
        # uv does not read pip's configuration: behind a mirror that only pip knows, pip does the same slowly.
        if subprocess.run(with_uv, env=environment(), check=False).returncode:
            print("just: uv could not, trying pip", file=sys.stderr)
            _pip(*with_pip)


def _install_uv_with_pip() -> None:
    found = re.search(r"^uv==.*?[^\\]$", LOCK.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"uv is not in {LOCK}")
    only_uv = VENV / "uv.txt"
    only_uv.write_text(found.group() + "\n")
    _pip("--require-hashes", "--requirement", str(only_uv))


def _pip(*arguments: str) -> None:
    """Install with the pip of the Python that runs this, where it has one: to give `.venv` its own takes 4 s."""
    if importlib.util.find_spec("pip"):
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    else:
        subprocess.run([str(PYTHON), "-m", "ensurepip"], env=environment(), check=True, stdout=sys.stderr)
        pip = [str(PYTHON), "-m", "pip"]
    command = [*pip, "--disable-pip-version-check", "install", "--quiet", *arguments]
    subprocess.run(command, env=environment(), check=True)


def environment() -> dict[str, str]:
    """The environment without what would point uv or pip at another environment."""
    dropped = {
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "PIP_TARGET",
        "PIP_USER",
        "PIP_PREFIX",
    }
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    # The certificates that the machine trusts, as pip does, and not uv's own list.
    return kept | {"VIRTUAL_ENV": str(VENV), "UV_SYSTEM_CERTS": "1"}


def _shown(command: list[str]) -> str:
    return " ".join(command)


if __name__ == "__main__":
    sys.exit(main())
