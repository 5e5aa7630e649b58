"""Examines the flow's interpreter, at the request of ``interpreter/inspection.py``: what it is, and what it reaches.

metaflow is imported in functions: that the interpreter has none is an answer.
"""

from __future__ import annotations

import io
import os
import platform
import sys
import tempfile
from functools import partial
from typing import Any, Callable, Optional

from . import metaflow_version, protocol, search_path
from .channel import Channel
from .protocol import Request

#: Name and content of an object that is written to a datastore and read again; only local datastores remove it.
MARKER = "mftctl-check"


def main(fd: str) -> None:
    """Serve the inspection at the other end of ``fd``: a request for each part, ``interpreter`` before the others.

    Each has ``metadata``, ``datastore`` and ``datastore_root``. An answer has ``error`` when the part cannot be used.
    """
    handlers: dict[str, protocol.Handler] = {
        "interpreter": _interpreter,
        "metadata": partial(_tried, _metadata),
        "datastore": partial(_tried, _datastore),
    }
    protocol.serve(Channel.of_fd(int(fd)), handlers)


def _interpreter(_: Request) -> dict[str, Any]:
    here = {"version": platform.python_version(), "executable": sys.executable}
    too_old = metaflow_version.problem()
    if too_old:
        return {**here, "error": too_old}
    try:
        import metaflow
    except ImportError as error:
        return {**here, "error": f"it has no metaflow: {error}"}
    own, remark = not search_path.is_borrowed(metaflow), metaflow_version.remark()
    return {**here, "metaflow": str(metaflow.__version__), "own_metaflow": own, "remark": remark}


def _tried(what: Callable[..., None], request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {"type": request.fields.get(request.kind)}
    try:
        what(found, request.fields.get("datastore_root"))
    except Exception as error:
        found["error"] = " ".join(f"{type(error).__name__}: {error}".split())[:400]
    return found


def _metadata(found: dict[str, Any], _: Optional[str]) -> None:
    from metaflow import metaflow_config
    from metaflow.plugins import METADATA_PROVIDERS

    found["type"] = found["type"] or metaflow_config.DEFAULT_METADATA
    provider = _named(METADATA_PROVIDERS, found["type"], "metadata provider")
    if found["type"] == "local":
        return
    found["where"] = provider.default_info()
    if not found["where"]:
        raise LookupError("no metadata service is configured: set METAFLOW_SERVICE_URL")
    found["version"] = provider._version(None)


def _datastore(found: dict[str, Any], root: Optional[str]) -> None:
    from metaflow import metaflow_config
    from metaflow.plugins import DATASTORES

    found["type"] = found["type"] or metaflow_config.DEFAULT_DATASTORE
    storage = _named(DATASTORES, found["type"], "datastore")
    root = root or storage.get_datastore_root_from_config(lambda *_, **__: None, create_on_absent=False)
    if found["type"] == "local":
        found["where"] = root or os.path.abspath(metaflow_config.DATASTORE_LOCAL_DIR)
        _write_locally(found["where"])
        return
    if not root:
        raise LookupError(
            f"no datastore root is set: set datastore_root or METAFLOW_DATASTORE_SYSROOT_{found['type'].upper()}"
        )
    found["where"] = root
    store = storage(root)
    store.save_bytes([(MARKER, io.BytesIO(MARKER.encode()))], overwrite=True)
    with store.load_bytes([MARKER]) as loaded:
        for _, file, _ in loaded:
            if file is None:
                raise LookupError("an object that was written is not there")


def _write_locally(folder: str) -> None:
    """Write a file there, or in the folder in which the first run would create it; OSError when that fails."""
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    with tempfile.NamedTemporaryFile(prefix=f".{MARKER}-", dir=folder):
        pass


def _named(kinds: Any, name: str, what: str) -> Any:
    for kind in kinds:
        if name == kind.TYPE:
            return kind
    raise LookupError(f"unknown {what} '{name}': use one of {', '.join(sorted(one.TYPE for one in kinds))}")
