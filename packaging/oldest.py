"""Make `.venv/metaflow-oldest`, an interpreter with the oldest supported Metaflow, and print the path of its python.

It does nothing where it is up to date with `requirements/metaflow-oldest.txt`. Tests ask for it when they need it.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv

import devenv

PLACE = devenv.VENV / "metaflow-oldest"
PYTHON = PLACE / "bin" / "python"
LOCK = devenv.ROOT / "requirements" / "metaflow-oldest.txt"
# Written last, as .venv's own.
STAMP = PLACE / ".mftctl-stamp"


def main() -> int:
    """Bring it up to date, one process at a time."""
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode() + str(PLACE).encode()).hexdigest()
    with (devenv.VENV / ".metaflow-oldest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (STAMP.exists() and STAMP.read_text() == wanted and PYTHON.exists()):
            _make()
            STAMP.write_text(wanted)
    print(PYTHON)
    return 0


def _make() -> None:
    shutil.rmtree(PLACE, ignore_errors=True)
    venv.create(PLACE, symlinks=True)
    locked = ["--quiet", "--require-hashes"]
    with_uv = [str(devenv.VENV / "bin" / "uv"), "pip", "sync", *locked, str(LOCK)]
    # uv does not read pip's configuration: behind a mirror that only pip knows, pip does the same slowly.
    if subprocess.run(
        with_uv, env={**devenv.environment(), "VIRTUAL_ENV": str(PLACE)}, check=False
    ).returncode:
        with_pip = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", *locked, "-r", str(LOCK)]
        subprocess.run(with_pip, env=devenv.environment(), check=True, stdout=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
