"""Following a task's log reads each part of it once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from metaflow.mflog.mflog import decorate

from mftctl.interpreter.inside.log_tail import Logs


class _Storage:
    """A datastore's storage that counts what is read of it."""

    def __init__(self, kind: str, root: Path) -> None:
        self.TYPE = kind
        self.root = root

    def path_join(self, *parts: str) -> str:
        return "/".join(parts)

    def full_uri(self, path: str) -> str:
        return str(self.root / path)

    def size_file(self, path: str) -> int | None:
        file = self.root / path
        return file.stat().st_size if file.exists() else None


class _Task:
    """What Metaflow's datastore of a task does with logs."""

    _path = "."

    def __init__(self, storage: _Storage) -> None:
        self._storage_impl = storage
        self.loaded = 0

    def _metadata_name_for_attempt(self, name: str) -> str:
        return f"0.{name}"

    def _get_log_location(self, source: str, stream: str) -> str:
        return f"{source}_{stream}.log"

    def _load_file(self, names: list[str], add_attempt: bool) -> dict[str, bytes]:
        assert not add_attempt
        self.loaded += 1
        return {name: (self._storage_impl.root / name).read_bytes() for name in names}


class _Store:
    """A flow's datastore with one task."""

    def __init__(self, task: _Task) -> None:
        self.task = task

    def get_task_datastore(self, *_: Any, **__: Any) -> _Task:
        return self.task


def _texts(logs: Logs, over: bool = False) -> list[str]:
    return [text for _, _, text in logs.lines(["start", "t", 0, over], ["stdout", "stderr"])]


@pytest.mark.parametrize("kind", ["local", "s3"])
def test_only_what_is_new_is_read(tmp_path: Path, kind: str) -> None:
    """Lines come once, whole ones alone while the task runs, and a store is not loaded where nothing has grown."""
    task = _Task(_Storage(kind, tmp_path))
    logs = Logs(_Store(task), "r")
    assert _texts(logs) == []
    log = tmp_path / "0.task_stdout.log"
    log.write_bytes(decorate("task", b"one\n") + decorate("task", b"two\n")[:10])
    assert _texts(logs) == ["one"]
    loaded = task.loaded
    log.write_bytes(decorate("task", b"one\n") + decorate("task", b"two\n"))
    assert _texts(logs) == ["two"]
    assert _texts(logs) == []
    with log.open("ab") as file:
        file.write(decorate("task", b"no end\n")[:-1])
    (tmp_path / "0.runtime_stderr.log").write_bytes(decorate("runtime", b"failed\n"))
    assert _texts(logs, over=True) == ["no end", "failed"]
    assert _texts(logs, over=True) == []
    assert task.loaded == (0 if kind == "local" else loaded + 3)
