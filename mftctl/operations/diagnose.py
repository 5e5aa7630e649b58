"""What `mftctl doctor` does."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version

from .. import ROOT, __version__
from ..console.output import Result
from ..control.connection.endpoint import settings
from ..local import caches, devserver
from ..local.server_binary import installed
from ..profiles import config_file
from ..results.doctor_results import Diagnosis, ProfileName, Server, page
from .command_options import Connection
from .profile_checks import failure_of, run_checks, unreachable
from .runs.held_runs import find_held_runs
from .server_choice import names_server


def doctor(connection: Connection, *, clean: bool) -> Result[Diagnosis]:
    """Diagnose this installation; ``clean`` caches first."""
    cleaned = caches.clean() if clean else None
    profile = connection.settings()
    configured = names_server(connection, profile)
    where = settings(profile, connection.address)["address"].value if configured else devserver.running()
    checks = run_checks(connection, profile, with_server=where is not None)
    held, notes = find_held_runs(connection) if where and not unreachable(checks) else (None, ())
    found = Diagnosis(
        versions={
            "mftctl": f"{__version__} ({ROOT})",
            "python": f"{platform.python_version()} ({sys.executable})",
            "temporalio": version("temporalio"),
            "metaflow": version("metaflow"),
            "system": platform.platform(),
        },
        profile=ProfileName(name=profile.name, file=str(config_file())),
        server=Server(where=where, configured=configured, binary=installed()),
        checks=tuple(checks),
        held_runs=held,
        caches=tuple(caches.list_caches()),
        cleaned=cleaned,
    )
    return Result(found, page(found), notes=notes, error=failure_of(checks))
