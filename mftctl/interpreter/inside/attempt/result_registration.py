"""What Metaflow registers of a task at its very end, after its result is in the datastore (``TaskDataStore.done``).

A process that is killed between the two leaves a result that others find, and Metaflow's client does not: it asks the
metadata provider for artifacts.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from metaflow.metadata_provider import DataArtifact, MetaDatum
from metaflow.metaflow_environment import MetaflowEnvironment
from metaflow.monitor import NullMonitor
from metaflow.plugins import METADATA_PROVIDERS

from ....model.manifest import Launch


def complete(launch: Launch, done: Any) -> None:
    """Register the attempt and the artifacts of ``done``, the datastore of a finished attempt, unless they are."""
    provider = _provider(launch)
    path, attempt = (done.run_id, done.step_name, done.task_id), done.attempt
    known = provider.get_object("task", "artifact", {}, attempt, launch.flow, *path)
    if len(known or ()) >= len(done._objects):
        return
    tags = [f"attempt_id:{attempt}"]
    provider.register_metadata(*path, [MetaDatum("attempt-done", str(attempt), "attempt-done", tags)])
    artifacts = [
        DataArtifact(
            name=name,
            ds_type=done.TYPE,
            ds_root=done._storage_impl.datastore_root,
            url=None,
            sha=sha,
            type=done._info[name]["encoding"],
        )
        for name, sha in done._objects.items()
    ]
    provider.register_data_artifacts(*path, attempt, artifacts)


def _provider(launch: Launch) -> Any:
    kind = next(one for one in METADATA_PROVIDERS if launch.metadata == one.TYPE)
    flow, monitor = SimpleNamespace(name=launch.flow), NullMonitor()
    provider = kind(MetaflowEnvironment(None), flow, None, monitor)
    provider.add_sticky_tags(tags=launch.tags)
    return provider
