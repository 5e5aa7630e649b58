"""Metaflow's datastore of a deployment's flow."""

from __future__ import annotations

import functools
import os

from metaflow.datastore import FlowDataStore
from metaflow.plugins import DATASTORES

from ...model.manifest import Launch


def flow_datastore(launch: Launch) -> FlowDataStore:
    """The datastore of the flow, opened once in each process."""
    return _opened(launch.flow, launch.datastore, launch.datastore_root, os.getpid())


@functools.lru_cache(maxsize=4)
def _opened(flow: str, kind: str, root: str, _: int) -> FlowDataStore:
    """Opened once in a process (hence its id): a remote one has a client, whose connections no fork may share."""
    storage = next(one for one in DATASTORES if kind == one.TYPE)
    return FlowDataStore(flow, None, storage_impl=storage, ds_root=root)
