"""`mftctl doctor`: this machine on one page."""

import asyncio
import platform
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from .. import ROOT, __version__, profiles
from ..local import caches
from .options import FLAG, Connection, Output
from .output import Result
from .text import columns

if TYPE_CHECKING:
    from ..control.connection.diagnosis import CheckResult


def doctor(
    *,
    clean: Annotated[bool, FLAG] = False,
    connection: Connection = Connection(),  # noqa: B008 - frozen, and how cyclopts wants it
    output: Output = Output(),  # noqa: ARG001, B008 - read before parsing (output.begin)
) -> Result:
    """Show versions, the flow's interpreter, the server, the profile, the datastore, and what is cached here.

    Exit codes are those of `mftctl profile check`; that no server is configured and none runs is no failure.

    Parameters
    ----------
    clean
        Remove old bundles of the zipapp, and code packages that no worker has loaded; a run never loses any by it.
    """
    from .checks import check_connection, check_flows, error_of, plain, told

    cleaned = caches.clean() if clean else None
    profile = connection.settings()
    server = _server(connection, profile)
    found: list[CheckResult] = (
        [] if server["where"] is None else asyncio.run(check_connection(connection, profile))
    )
    found += check_flows(profile)
    kept = caches.list_caches()
    data = {
        "versions": _versions(),
        "profile": {"name": profile.name, "file": str(profiles.config_file())},
        "server": server,
        "checks": plain(found),
        "caches": [asdict(cache) for cache in kept],
        "cleaned": None if cleaned is None else asdict(cleaned),
    }
    head = [(name, str(value)) for name, value in _versions().items()]
    head += [
        ("profile", f"{profile.name or 'none'} ({profiles.config_file()})"),
        (
            "server",
            server["where"] or "none is configured and none runs; `mftctl run` and `mftctl dev` start one",
        ),
        ("embedded server", server["binary"] or "its `temporal` command would be downloaded"),
    ]
    parts = [columns(head), told(found), columns([_kept(cache) for cache in kept])]
    if cleaned is not None:
        parts.append(f"cleaned\t{len(cleaned.removed)} folders, {_megabytes(cleaned.bytes)}")
    return Result(data, "\n\n".join(filter(None, parts)), error=error_of(found))


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {
        "mftctl": f"{__version__} ({ROOT})",
        "python": f"{platform.python_version()} ({sys.executable})",
        "temporalio": version("temporalio"),
        "metaflow": version("metaflow"),
        "system": platform.platform(),
    }


def _server(connection: Connection, profile: profiles.Profile) -> dict[str, Any]:
    """Which server is meant: ``where`` None when none is configured and the embedded one does not run."""
    from ..control.connection.endpoint import settings
    from ..local.server_binary import installed
    from .session import embedded_address, names_server

    configured = names_server(connection, profile)
    where = embedded_address()
    if configured:
        where = settings(profile, connection.address)["address"].value
    return {"where": where, "configured": configured, "binary": installed()}


def _kept(cache: caches.Cache) -> tuple[str, ...]:
    used = f"{cache.in_use} in use" if cache.cleanable else "kept"
    return cache.name, f"{cache.entries}", _megabytes(cache.bytes), used, cache.path


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
