"""Machines that share nothing but servers: each has a home, a cache and an environment of its own."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from pathlib import Path
from typing import Any


def machine(home: Any, name: str, env: dict[str, str]) -> Any:
    """Another machine of the test: nothing of the first one's files, and of its environment what is given."""
    folder = home.folder.parent / name
    (folder / "work").mkdir(parents=True)
    kept = {key: value for key, value in home.env.items() if not key.startswith("METAFLOW_")}
    own = {
        "HOME": str(folder),
        "METAFLOW_HOME": str(folder / "metaflow"),
        "METAFLOW_USER": name,
        "MFTCTL_CACHE": str(folder / "cache"),
        "MFTCTL_DATA": str(folder / "data"),
    }
    return dataclasses.replace(home, folder=folder / "work", env={**kept, **own, **env})


def keys(env: dict[str, str]) -> dict[str, str]:
    """What a machine of one's own has to know of S3: credentials, and how to get there."""
    return {name: value for name, value in env.items() if name.startswith("AWS_")}


def started_by(machine: Any) -> list[int]:
    """Processes that run in a machine's home."""
    home = f"HOME={machine.env['HOME']}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if home in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found
