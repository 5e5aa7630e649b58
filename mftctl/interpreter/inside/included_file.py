"""Stores a file for an IncludeFile parameter, at the request of ``interpreter/upload.py``."""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

from metaflow.includefile import CURRENT_UPLOADER
from metaflow.plugins import DATACLIENTS

from ...model.codec import from_plain
from ...model.errors import MftctlError
from ...model.parameter import Parameter
from . import protocol, s3
from .channel import Channel


def main(fd: str) -> None:
    """Answer requests ``upload`` of a ``path``; see ``_upload``."""
    with contextlib.suppress(OSError):  # nobody waits for the answer
        protocol.serve(Channel.of_fd(int(fd)), {"upload": _upload})


def _upload(request: protocol.Request) -> str:
    """Store a file as Metaflow's command line does; its descriptor, which is the parameter's value for a run.

    ``flow`` is the flow's name, ``parameter`` a Parameter, ``datastore`` and ``datastore_root`` the deployment's.
    """
    given = request.fields
    parameter = from_plain(Parameter, given["parameter"])
    problem = s3.root_problem(given["datastore"], given["datastore_root"])
    if problem is not None:
        raise MftctlError(problem)
    clients: dict[str, Any] = {client.TYPE: client for client in DATACLIENTS}
    try:
        descriptor = CURRENT_UPLOADER.store(
            given["flow"],
            os.path.expanduser(given["path"]),
            parameter.is_text,
            parameter.encoding,
            clients[given["datastore"]],
            lambda *_, **__: None,
        )
    except Exception as error:
        raise MftctlError(" ".join(str(error).split())) from error
    return json.dumps(descriptor)
