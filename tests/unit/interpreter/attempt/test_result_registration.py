"""What is registered of a finished task whose process was killed before it could do so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from metaflow.plugins.datastores.local_storage import LocalStorage
from metaflow.plugins.metadata_providers.local import LocalMetadataProvider
from supervising import launch

from mftctl.interpreter.inside.attempt import result_registration
from mftctl.interpreter.inside.attempt.run_store import RunStore
from mftctl.model.task import TaskRef

REF = TaskRef("work", (3,))
PATH = ("F", "r", "work", "temporal-work-3")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """The local datastore of run `r`, with local metadata."""
    root = str(tmp_path / ".metaflow")
    monkeypatch.setattr(LocalStorage, "datastore_root", root)
    monkeypatch.setenv("USERNAME", "tester")
    given = replace(launch(tmp_path), datastore_root=root)
    provider = result_registration._provider(given)
    provider.register_run_id("r")
    provider.register_task_id(*PATH[1:], 1)
    return RunStore(given, "r")


def registered() -> tuple[list[str], list[str]]:
    """Names of the task's artifacts, and its attempts that are done, as Metaflow's client sees them."""
    artifacts = LocalMetadataProvider.get_object("task", "artifact", {}, 1, *PATH) or []
    metadata = LocalMetadataProvider.get_object("task", "metadata", {}, None, *PATH) or []
    done = [one["value"] for one in metadata if one["field_name"] == "attempt-done"]
    return sorted(one["name"] for one in artifacts), done


@pytest.mark.parametrize("killed", [True, False])
def test_a_result_that_is_kept_is_registered_once(store: RunStore, killed: bool) -> None:
    """Where its supervisor did not see the process end; else the process has registered it."""
    attempt = store.open(REF, 1)
    attempt.init_task()
    attempt.save_artifacts([("_task_ok", True), ("got", 5)])
    if not killed:
        attempt.save_metadata({"runtime": {"return_code": 0, "killed": False, "success": True}})
    attempt.done()
    assert registered() == ([], [])
    for _ in range(2):
        assert store.kept_result(REF).artifacts == ("got",)
        assert registered() == ((["_task_ok", "got"], ["1"]) if killed else ([], []))


def test_a_result_that_counts_is_registered(store: RunStore) -> None:
    """Whatever is recorded of its process: that of a task that ended well while it was stopped."""
    attempt = store.open(REF, 1)
    attempt.init_task()
    attempt.save_artifacts([("_task_ok", True), ("got", 5)])
    attempt.done()
    for _ in range(2):
        store.register(REF, 1)
        assert registered() == (["_task_ok", "got"], ["1"])
