"""`mftctl __complete KIND PREFIX -- WORDS…`: names that a shell completes, one a line, or none.

Scripts of `mftctl completion` call it, and nobody else. It imports Temporal's SDK only for names that a server knows.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .output import write

if TYPE_CHECKING:
    from ..profiles import Profile
    from .options import Connection

#: Seconds that a server may take to be reached and to answer, unless $MFTCTL_COMPLETION_TIMEOUT says otherwise.
PATIENCE = 0.3
#: Runs that are offered, the newest.
MOST = 50


def complete(words: Sequence[str]) -> int:
    """Write the names; whatever goes wrong, there are none: nobody wants an error for pressing a key."""
    kind, prefix, *line = [*words, "", ""][: max(len(words), 2)]
    try:
        found = _names(kind, prefix, line)
    except Exception:  # noqa: BLE001 - see above; what is wrong, the command itself will say
        return 0
    write("".join(f"{name}\n" for name in found if name.startswith(prefix)))
    return 0


def _names(kind: str, prefix: str, line: list[str]) -> list[str]:
    if kind == "profiles":
        from ..profiles import config_file, document

        return sorted(document.read(config_file()).get("profiles", {}))
    if kind not in {"deployments", "runs"}:
        return []
    from .options import Connection

    connection = Connection(
        address=_value(line, "--address"),
        temporal_namespace=_value(line, "--temporal-namespace"),
        profile=_value(line, "--profile"),
    )
    return asyncio.run(_asked(kind, prefix, connection, connection.settings()))


async def _asked(kind: str, prefix: str, connection: Connection, profile: Profile) -> list[str]:
    from ..control.connection.connect import connect_quickly
    from .session import endpoint, quiet_sdk

    where = endpoint(connection, profile)
    quiet_sdk()
    async with asyncio.timeout(float(os.environ.get("MFTCTL_COMPLETION_TIMEOUT") or PATIENCE)):
        client = await connect_quickly(where)
        if kind == "deployments":
            from ..control import deployments

            names = await deployments.list_names(client)
            # What may be said instead of a whole name, where that has begun so.
            last = [name.rsplit(".", 1)[-1] for name in names]
            return names + [name for name in last if prefix and last.count(name) == 1 and name not in names]
        from ..control.runs import lookup as found

        return await found.run_ids(client, prefix, MOST)


def _value(line: list[str], option: str) -> str | None:
    words = [word for word in line if word != "="]
    for index, word in enumerate(words):
        if word == option and index + 1 < len(words):
            return words[index + 1]
        if word.startswith(option + "="):
            return word.partition("=")[2]
    return None
