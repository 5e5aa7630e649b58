"""`mftctl __complete KIND PREFIX -- WORDS…`: names that a shell completes, one per line, or none.

The scripts of `mftctl completion` call it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from ..console.output import write
from ..profiles import config_file, document

#: Seconds that a server may take to answer, unless $MFTCTL_COMPLETION_TIMEOUT is set.
TIMEOUT = 0.3
#: How many runs are offered, the newest first.
MAX_RUNS = 50


def complete(words: Sequence[str]) -> int:
    """Write the names; on any error there are none: pressing Tab shows no error."""
    kind, prefix, *line = [*words, "", ""][: max(len(words), 2)]
    try:
        found = _lookup(kind, prefix, line)
    except Exception:  # noqa: BLE001 - the command itself shows the error
        return 0
    write("".join(f"{name}\n" for name in found if name.startswith(prefix)))
    return 0


def _lookup(kind: str, prefix: str, line: list[str]) -> list[str]:
    if kind == "profiles":
        return sorted(document.read(config_file()).get("profiles", {}))
    return asyncio.run(_on_server(kind, prefix, line)) if kind in {"deployments", "runs"} else []


async def _on_server(kind: str, prefix: str, line: list[str]) -> list[str]:
    # cyclopts and temporalio, which names of profiles do without: __complete profiles.
    from ..control import deployments
    from ..control.connection.connect import connect_quickly
    from ..control.runs import lookup
    from ..operations.command_options import Connection
    from ..operations.open_client import quiet_sdk
    from ..operations.server_choice import endpoint

    connection = Connection(
        address=_value(line, "--address"),
        temporal_namespace=_value(line, "--temporal-namespace"),
        profile=_value(line, "--profile"),
    )
    where = endpoint(connection, connection.settings())
    quiet_sdk()
    async with asyncio.timeout(float(os.environ.get("MFTCTL_COMPLETION_TIMEOUT") or TIMEOUT)):
        client = await connect_quickly(where)
        if kind == "runs":
            return await lookup.run_ids(client, prefix, MAX_RUNS)
        names = await deployments.list_names(client)
        # The last part alone names a deployment, too, where it is unambiguous.
        last = [name.rsplit(".", 1)[-1] for name in names]
        return names + [name for name in last if prefix and last.count(name) == 1 and name not in names]


def _value(line: list[str], option: str) -> str | None:
    words = [word for word in line if word != "="]
    for index, word in enumerate(words):
        if word == option and index + 1 < len(words):
            return words[index + 1]
        if word.startswith(option + "="):
            return word.partition("=")[2]
    return None
