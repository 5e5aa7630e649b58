"""A process that has metaflow imported and reads one run after the other, each in a fork of its own.

Importing metaflow takes longer than reading most runs, and the suite reads two for every case.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DUMP = Path(__file__).resolve().parent / "dump.py"


class ReadError(AssertionError):
    """A run could not be read; the message says why."""


class Readers:
    """One reader for each environment that was asked for; each ends with `close`, or when this process does."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Reader] = {}
        self._lock = threading.Lock()

    def read(self, pathspec: str, python: str, flows: Path, env: Mapping[str, str]) -> dict[str, Any]:
        """Give the dump of a run, as an interpreter sees it in an environment."""
        key = (python, flows, *sorted(env.items()))
        with self._lock:
            if key not in self._made:
                self._made[key] = Reader(python, flows, env)
        return self._made[key].read(pathspec)

    def close(self) -> None:
        """End all readers."""
        for reader in self._made.values():
            reader.close()
        self._made.clear()


class Reader:
    """The process of one environment."""

    def __init__(self, python: str, flows: Path, env: Mapping[str, str]) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [python, str(DUMP), "--import-from", str(flows), "--serve"],
            cwd=flows,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            start_new_session=True,
        )

    def read(self, pathspec: str) -> dict[str, Any]:
        """Give the dump of a run."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(pathspec + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise ReadError(f"the reader ended with {self._process.wait(15)} before it had read {pathspec}")
        found: dict[str, Any] = json.loads(answer)
        if "error" in found:
            raise ReadError(f"no dump of {pathspec}\n{found['error']}")
        return found

    def close(self) -> None:
        """End the process, which ends with its input."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(15)
        self._process.stdout.close()
