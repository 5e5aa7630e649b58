"""A step's environment (`--environment=conda|pypi`, third parties) on this machine, as it was resolved at deploy."""

from __future__ import annotations

import contextlib
import fcntl
import inspect
import io
import os
from collections.abc import Iterator
from typing import Any, Callable

from ....model.codec import from_json
from ..environment import package_root

_MANIFEST = "conda.manifest"
#: As all names in the package's folder that are not the flow's, it begins with `.mf_`.
_LOCK = ".mf_environment_lock"


def make(environment: Any, step: Any, echo: Callable[..., None]) -> None:
    """Make the environment of a step where it is not there yet; the native runtime does so once, as a run begins.

    What it says goes nowhere, as a task's log does not have it, unless it fails.
    """
    from metaflow.metaflow_environment import MetaflowEnvironment

    if type(environment).init_environment is MetaflowEnvironment.init_environment:
        return
    if hasattr(environment, "is_disabled") and environment.is_disabled(step):
        return
    narrow = "only_steps" in inspect.signature(environment.init_environment).parameters
    said = io.StringIO()
    try:
        with _alone(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            _recall(environment)
            environment.init_environment(echo, **({"only_steps": [step.__name__]} if narrow else {}))
    except Exception:
        print(said.getvalue(), end="")
        raise


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process of this code package at a time, because package managers are not made for two.

    Flow hosts hold a lock on the folder itself (``package.hold``), so this one is a file's.
    """
    path = os.path.join(package_root(), _LOCK)
    with open(path, "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _recall(environment: Any) -> None:
    """Take the versions that the deployment resolved, from its code package, before any are resolved anew."""
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
