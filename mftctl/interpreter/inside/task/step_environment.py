"""Makes a step's environment (`--environment=conda|pypi`, third parties) on this machine, as resolved at deploy."""

from __future__ import annotations

import contextlib
import fcntl
import inspect
import io
import os
from collections.abc import Iterator
from typing import Any, Callable

from metaflow.metaflow_environment import MetaflowEnvironment

from ....model.codec import from_json
from ..environment import package_root

_MANIFEST = "conda.manifest"
#: In the package's folder, names that are not the flow's begin with `.mf_`.
_LOCK = ".mf_environment_lock"


def make(environment: Any, step: Any, echo: Callable[..., None]) -> None:
    """Make the environment of a step if it is missing; the native runtime does so once, when a run begins.

    Its output is printed only if it fails: the task's log under `run` does not have it.
    """
    if type(environment).init_environment is MetaflowEnvironment.init_environment:
        return
    if hasattr(environment, "is_disabled") and environment.is_disabled(step):
        return
    narrow = "only_steps" in inspect.signature(environment.init_environment).parameters
    output = io.StringIO()
    try:
        with _lock(), contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            _reuse_versions(environment)
            environment.init_environment(echo, **({"only_steps": [step.__name__]} if narrow else {}))
    except Exception:
        print(output.getvalue(), end="")
        raise


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    """Let one process of this code package at a time run a package manager.

    The lock is on a file: hosts lock the folder itself (``package_cache.hold``).
    """
    path = os.path.join(package_root(), _LOCK)
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _reuse_versions(environment: Any) -> None:
    """Use the versions in the code package, which were resolved at deploy."""
    path = os.path.join(package_root(), ".mf_meta", _MANIFEST)
    if not hasattr(environment, "write_to_environment_manifest") or not os.path.exists(path):
        return
    with open(path, encoding="utf-8") as file:
        resolved = from_json(file.read())
    for identity, platforms in resolved.items():
        for platform, kinds in platforms.items():
            for kind, packages in kinds.items():
                place = [identity, platform, kind]
                if environment.read_from_environment_manifest(place) is None:
                    environment.write_to_environment_manifest(place, packages)
