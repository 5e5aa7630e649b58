"""A worker file: a small Python program that names a deployment and its server, and starts mftctl."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..model.errors import MftctlError, UsageError
from .command_options import Connection
from .whole_file import check_writable

#: What every worker file has, and what those of metaflow-temporal import.
_MARK, _PEER = "DEPLOYMENT, CONNECTION = ", "temporalio"
_TEMPLATE = '''\
"""`python {file}` runs a worker for {deployment}; `python {file} trigger name=value` starts a run of it."""
import importlib.util, os, shutil, sys

DEPLOYMENT, CONNECTION = {deployment!r}, {connection!r}

if __name__ == "__main__":
    mftctl = [sys.executable, "-m", "mftctl"] if importlib.util.find_spec("mftctl") else [shutil.which("mftctl")]
    command, arguments = ("trigger", sys.argv[2:]) if sys.argv[1:2] == ["trigger"] else ("worker", sys.argv[1:])
    if not mftctl[0]:
        sys.exit("mftctl: command not found: put it on PATH")
    os.execv(mftctl[0], [*mftctl, command, os.path.abspath(__file__), *arguments])
'''


def write(path: Path, deployment: str, connection: Connection, profile: str | None) -> None:
    """Write the worker file of a deployment, with the server of ``connection`` and the profile in force."""
    where = {"profile": profile, "address": connection.address}
    where |= {"temporal_namespace": connection.temporal_namespace}
    given = {name: value for name, value in where.items() if value is not None}
    try:
        path.write_text(
            _TEMPLATE.format(file=path.name, deployment=deployment, connection=given), encoding="utf-8"
        )
    except OSError as error:
        raise MftctlError(
            f"{path}: {error.strerror}", code="file.write", hint="the flow is deployed; name another --output"
        ) from error


def check_path(path: Path) -> None:
    """Raise a usage error where a worker file cannot be written, or would replace another file, such as the flow's."""
    check_writable(path, "--output")
    text = _text(path) if path.is_file() else ""
    of_peer = _PEER in text and "FlowSpec" not in text
    if text.strip() and _MARK not in text and not of_peer:
        raise UsageError(
            f"--output: {path} is there, and is not a worker file",
            code="workerfile",
            hint="name another file, or remove this one",
        )


def made_here(path: Path) -> bool:
    """Whether a file is a worker file of ``write``."""
    return _MARK in _text(path)


def is_worker_file(name: str) -> bool:
    """Whether a name is the path of a worker file; no deployment has a name that ends as Python files do."""
    return name.endswith(".py") and Path(name).exists()


def resolve(names: Sequence[str], connection: Connection) -> tuple[list[str], Connection]:
    """The deployments and the server of names and worker files; flags take precedence over worker files.

    Worker files with different servers are a usage error.
    """
    found: list[str] = []
    given: dict[str, str] = {}
    for name in names:
        if not is_worker_file(name):
            found.append(name)
            continue
        deployment, settings = read(Path(name))
        found.append(deployment)
        for key, value in settings.items():
            if given.setdefault(key, value) != value and getattr(connection, key) is None:
                option = "--" + key.replace("_", "-")
                raise UsageError(
                    f"the worker files name several servers: {option} {given[key]} and {value}",
                    hint=f"choose one with {option}, or run a worker for each",
                )
    missing = {key: value for key, value in given.items() if getattr(connection, key) is None}
    return found, replace(connection, **missing)


def read(path: Path) -> tuple[str, dict[str, str]]:
    """The deployment of a worker file, and its options of ``Connection``."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise _invalid(path) from error
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "(DEPLOYMENT, CONNECTION)":
            deployment, connection = ast.literal_eval(node.value)
            return deployment, connection
    raise _invalid(path)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _invalid(path: Path) -> MftctlError:
    return UsageError(
        f"{path} is not a worker file",
        code="workerfile",
        hint="`mftctl deploy FLOW.py --output FILE` writes one",
    )
