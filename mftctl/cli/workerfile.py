"""The thin worker file: a deployment, a profile, and a call into mftctl (DESIGN 3.9)."""

from __future__ import annotations

import ast
from pathlib import Path

from ..errors import Exit, MftctlError

_TEMPLATE = '''\
"""`python {file}` works off the tasks of {deployment}; `python {file} trigger name=value` starts a run of it."""
import importlib.util, os, shutil, sys

DEPLOYMENT, PROFILE = {deployment!r}, {profile!r}

if __name__ == "__main__":
    mftctl = shutil.which("mftctl")
    found = [sys.executable, "-m", "mftctl"] if importlib.util.find_spec("mftctl") else mftctl and [mftctl]
    command = sys.argv[1:2] if sys.argv[1:2] == ["trigger"] else ["worker"]
    profile = ["--profile", PROFILE] if PROFILE else []
    arguments = [*command, DEPLOYMENT, *profile, *sys.argv[len(command if "trigger" in command else []) + 1 :]]
    os.execv(found[0], [*found, *arguments]) if found else sys.exit("mftctl: not found: put it on PATH")
'''


def write(path: Path, deployment: str, profile: str | None) -> None:
    """Write the worker file of a deployment."""
    try:
        path.write_text(
            _TEMPLATE.format(file=path.name, deployment=deployment, profile=profile), encoding="utf-8"
        )
    except OSError as error:
        raise MftctlError(
            f"{path}: {error.strerror}", code="file.write", hint="the flow is deployed all the same"
        ) from error


def read(path: Path) -> tuple[str, str | None]:
    """Deployment and profile that a worker file names."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise _unfit(path) from error
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "(DEPLOYMENT, PROFILE)":
            deployment, profile = ast.literal_eval(node.value)
            return deployment, profile
    raise _unfit(path)


def _unfit(path: Path) -> MftctlError:
    return MftctlError(
        f"{path} is no worker file",
        exit=Exit.USAGE,
        code="workerfile",
        hint="`mftctl deploy FLOW.py --output FILE` writes one",
    )
