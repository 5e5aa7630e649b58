"""A flow run from start to end in this process: compiler, server, worker and watcher at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..control.runs import parameters
from ..interpreter.compilation import Compilation
from ..interpreter.inside.compile.include_file import upload
from ..local import devserver
from ..profiles import Profile, cache_dir
from .options import Connection
from .order import Order
from .output import Result, say
from .process import in_thread
from .session import embedded, names_server, open_client, quiet_sdk

if TYPE_CHECKING:
    from temporalio.client import Client


async def run_flow(order: Order, connection: Connection, profile: Profile) -> Result:
    """Run it; the result says how it ended."""
    # The compiler, the import of temporalio and the start of the server, side by side.
    with Compilation(order.file, order.options, order.python, cache_dir()) as compiling:
        embedded = not names_server(connection, profile)
        from .watching import Watching

        # Last, though it is needed first: once up, the server keeps a core busy for a while, and until here there is
        # none to spare; the compiler takes longer than it anyway.
        opening = devserver.open_server() if embedded else None

        client, lease = await _connect(opening, connection, profile)
        try:
            watching = Watching(client, order, profile, lease)
            manifest = await watching.compiled(compiling)
            warming = asyncio.create_task(watching.warm(manifest))
            given = {**parameters.from_click(compiling.variables), **order.words}
            parameters.validate(manifest, given, compiling.refused)
            settled = await asyncio.to_thread(parameters.resolve, manifest, given, upload)
            result = await watching.follow(manifest, settled)
            await warming
        finally:
            if lease is not None:
                lease.release()
    return result


async def _connect(
    opening: devserver.ServerStart | None, connection: Connection, profile: Profile
) -> tuple[Client, devserver.Lease | None]:
    from ..control.connection.connect import connect

    quiet_sdk()
    if opening is None:
        client = await open_client(connection, profile)
        say(f"using the Temporal server at {client.service_client.config.target_host}")
        return client, None
    lease = await in_thread(opening.lease)
    say(f"using the embedded Temporal server at {lease.address}, UI at {lease.ui}")
    return await connect(embedded(lease.address, connection, profile)), lease
